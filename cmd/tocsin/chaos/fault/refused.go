package fault

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
)

// ErrRefused: the machine cannot make this fault, or the user may not.
var ErrRefused = errors.New("this machine does not allow the fault")

// refused is an ErrRefused that says what was refused, and by what.
func refused(what string, cause error) error {
	return fmt.Errorf("%s: %w: %w", what, ErrRefused, cause)
}

// tool is the path of an installed program, also where the path of the user has
// no folders of administration.
func tool(name string) (string, error) {
	path, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err != nil {
			path, err = exec.LookPath(filepath.Join(dir, name))
		}
	}
	if err != nil {
		return "", refused("find "+name, err)
	}
	return path, nil
}
