package app

import "fyne.io/fyne/v2"

// showWithoutFocus shows w and leaves the keyboard where it is.
func showWithoutFocus(main, w fyne.Window) {
	w.Show()
}
