package archive

import (
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// Key is what seals a file and what opens one. The zero value does neither.
type Key struct {
	// Passphrase seals and opens.
	Passphrase string
	// Recipients are age's public keys (age1…): they seal.
	Recipients []string
	// Identities are age's secret keys, in the form of age's key files: they
	// open.
	Identities string

	// work is the cost of a passphrase, 2^work; 0 = age's default.
	work int
}

// sealHead is how an age file begins.
const sealHead = "age-encryption.org/v1"

// Seals reports whether files are sealed with it; Opens whether it could open
// one.
func (k Key) Seals() bool { return k.Passphrase != "" || len(k.Recipients) > 0 }

// Opens reports whether it could open a sealed file.
func (k Key) Opens() bool { return k.Passphrase != "" || k.Identities != "" }

// Check finds what is wrong with a key before anything is done with it.
func (k Key) Check() error {
	if k.Passphrase != "" && len(k.Recipients) > 0 {
		return errors.New("give a passphrase or recipients, not both")
	}
	if _, err := k.recipients(); err != nil {
		return err
	}
	_, err := k.identities()
	return err
}

func (k Key) recipients() (out []age.Recipient, err error) {
	if k.Passphrase != "" {
		r, err := age.NewScryptRecipient(k.Passphrase)
		if err == nil && k.work > 0 {
			r.SetWorkFactor(k.work)
		}
		return []age.Recipient{r}, err
	}
	for _, text := range k.Recipients {
		r, err := age.ParseX25519Recipient(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a recipient such as age1…: %w", text, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func (k Key) identities() (out []age.Identity, err error) {
	if k.Identities != "" {
		if out, err = age.ParseIdentities(strings.NewReader(k.Identities)); err != nil {
			return nil, fmt.Errorf("the identity file holds no secret key of age: %w", err)
		}
	}
	if k.Passphrase != "" {
		i, err := age.NewScryptIdentity(k.Passphrase)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// seal is w, or a writer that seals what goes to w. It must be closed.
func seal(w io.Writer, k Key) (io.WriteCloser, error) {
	if !k.Seals() {
		return plain{w}, nil
	}
	to, err := k.recipients()
	if err != nil {
		return nil, err
	}
	return age.Encrypt(w, to...)
}

type plain struct{ io.Writer }

// Close does nothing.
func (plain) Close() error { return nil }

// unseal is r, or what was sealed in it.
func unseal(r *bufio.Reader, k Key) (io.Reader, error) {
	head, err := r.Peek(len(sealHead))
	if string(head) != sealHead {
		if len(head) == 0 {
			return nil, fmt.Errorf("%w: it is empty", ErrNotArchive)
		}
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if !k.Opens() {
		return nil, ErrSealed
	}
	with, err := k.identities()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrongKey, err)
	}
	in, err := age.Decrypt(r, with...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, ErrWrongKey
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return unsealed{in}, nil
}

// unsealed marks the errors of opening a sealed stream, for which age has no
// types.
type unsealed struct{ r io.Reader }

type unsealingError struct{ error }

// Unwrap is age's error.
func (e unsealingError) Unwrap() error { return e.error }

// Read reads what was sealed.
func (u unsealed) Read(b []byte) (int, error) {
	n, err := u.r.Read(b)
	if err != nil && err != io.EOF {
		err = unsealingError{err}
	}
	return n, err
}

func isUnsealing(err error) bool {
	var e unsealingError
	return errors.As(err, &e)
}

func isFlate(err error) bool {
	var e flate.CorruptInputError
	return errors.As(err, &e)
}
