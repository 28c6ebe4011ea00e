package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"timbre/internal/office"
)

// currentFile names the account that is logged in, in a profile folder that
// holds a folder for each account.
const currentFile = "current"

// Current returns which account is logged in to the profile, empty if none is.
func Current(profile string) (office.ID, error) {
	b, err := os.ReadFile(filepath.Join(profile, currentFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the profile: %w", err)
	}
	return office.ID(strings.TrimSpace(string(b))), nil
}

// SetCurrent makes account the one that is logged in; empty: nobody is.
func SetCurrent(profile string, account office.ID) error {
	path := filepath.Join(profile, currentFile)
	if account == "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("writing the profile: %w", err)
		}
		return nil
	}
	return WriteFile(path, []byte(account))
}

// WriteFile replaces a file as a whole, readable by the user alone: another
// process sees the old content or the new one.
func WriteFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}

// folderPrefix begins the name of an account's folder.
const folderPrefix = "account-"

// Folder returns where the copy of an account of the profile is. An account id
// that is no plain name is office.ErrNotFound.
func Folder(profile string, account office.ID) (string, error) {
	if !account.Valid() {
		return "", office.ErrNotFound
	}
	return filepath.Join(profile, folderPrefix+string(account)), nil
}

// Kept returns the accounts of which the profile holds a copy, whether or not
// they are logged in.
func Kept(profile string) (accounts []office.ID, err error) {
	entries, err := os.ReadDir(profile)
	if err != nil {
		return nil, fmt.Errorf("reading the profile: %w", err)
	}
	for _, e := range entries {
		if id, ok := strings.CutPrefix(e.Name(), folderPrefix); ok && e.IsDir() && office.ID(id).Valid() {
			accounts = append(accounts, office.ID(id))
		}
	}
	return accounts, nil
}

// Wipe deletes the copy of an account with everything in its outbox.
func Wipe(profile string, account office.ID) error {
	dir, err := Folder(profile, account)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("wiping the local copy: %w", err)
	}
	return nil
}
