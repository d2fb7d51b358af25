//go:build !unix

package cli

// keepPrivate does nothing where files have no modes.
func keepPrivate() {}
