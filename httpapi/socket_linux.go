package httpapi

import (
	"errors"
	"syscall"
)

// ownersOnly gives the file of a socket its mode before there is one.
func ownersOnly(_, _ string, c syscall.RawConn) error {
	var err error
	cerr := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), socketMode) })
	return errors.Join(cerr, err)
}
