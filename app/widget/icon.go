package widget

import (
	"bytes"
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"timbre/assets"
)

// icon is an SVG of package assets in one colour of the theme. Its name holds
// the colour's value, so that no cache keeps a stale one.
type icon struct {
	name  string
	color fyne.ThemeColorName
}

// Icon returns the icon of that name in package assets, drawn in a colour of the
// theme. A name that does not exist draws nothing.
func Icon(name string, color fyne.ThemeColorName) fyne.Resource {
	return &icon{name, color}
}

func (i *icon) hex() []byte {
	r, g, b, _ := tint(i.color).RGBA()
	return fmt.Appendf(nil, "#%02X%02X%02X", r>>8, g>>8, b>>8)
}

// Name implements fyne.Resource.
func (i *icon) Name() string { return i.name + string(i.hex()) + ".svg" }

// Content implements fyne.Resource.
func (i *icon) Content() []byte {
	b, err := assets.Icons.ReadFile("icons/" + i.name + ".svg")
	if err != nil {
		return []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"></svg>`)
	}
	return bytes.ReplaceAll(b, []byte("currentColor"), i.hex())
}

// AppIcon returns the mark of the app in its own colours.
func AppIcon() fyne.Resource {
	b, _ := assets.Icons.ReadFile("icons/app.svg")
	return fyne.NewStaticResource("app.svg", b)
}

// picture returns an image for an icon. Set with setIcon.
func picture() *canvas.Image {
	p := &canvas.Image{FillMode: canvas.ImageFillContain, ScaleMode: canvas.ImageScaleSmooth}
	p.Hide()
	return p
}

// setIcon shows an icon in p, or nothing where name is empty.
func setIcon(p *canvas.Image, name string, color fyne.ThemeColorName) {
	if name == "" {
		p.Hide()
		return
	}
	next := Icon(name, color)
	if p.Resource == nil || p.Resource.Name() != next.Name() {
		p.Resource = next
		p.Refresh()
	}
	p.Show()
}
