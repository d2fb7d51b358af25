package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Options say how to open a file. The zero value is right for production.
type Options struct {
	// LockTimeout is how long to wait for another process to let the file go;
	// 0 = one second.
	LockTimeout time.Duration
	// NoSync leaves out fsync. A crash of the machine may then damage the
	// file: for tests and throw-away state only.
	NoSync bool
	// Now is the wall clock; nil = time.Now. OpenLocal alone uses it.
	Now func() time.Time
	// OpenFile opens files; nil = os.OpenFile. Tests break disks with it.
	OpenFile func(name string, flag int, perm fs.FileMode) (*os.File, error)
	// Logger may be nil: then nothing is logged.
	Logger *slog.Logger
}

const (
	fileMode   = 0o600
	folderMode = 0o700
)

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

func (o Options) bolt() *bbolt.Options {
	b := &bbolt.Options{
		Timeout:         o.LockTimeout,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: initialMmapSize(),
		NoSync:          o.NoSync,
		NoGrowSync:      o.NoSync,
		OpenFile:        o.OpenFile,
	}
	if b.Timeout == 0 {
		b.Timeout = time.Second
	}
	if b.OpenFile == nil {
		b.OpenFile = os.OpenFile
	}
	return b
}

// initialMmapSize is large enough that a transaction which a slow snapshot holds
// never makes the writer wait for a larger mapping. It is address space only,
// but for Windows, where the file itself becomes that large.
func initialMmapSize() int {
	switch {
	case runtime.GOOS == "windows":
		return 64 << 20
	case strconv.IntSize == 64:
		return 1 << 30
	default:
		return 0
	}
}

// layout is what a file must contain. A new file has the schema fresh; up to
// schema are known.
type layout struct {
	kind    string
	fresh   uint32
	schema  uint32
	buckets []string
}

var (
	bucketMeta = []byte("meta")
	keyKind    = []byte("kind")
	keySchema  = []byte("schema")
)

// openFile opens a bbolt file and believes nothing in it before it is checked.
func openFile(path string, o Options, l layout) (*bbolt.DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return nil, fmt.Errorf("create the folder of %s: %w", path, classify(err))
	}
	db, err := openChecked(path, o.bolt())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := l.ensure(db); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, errors.Join(err, db.Close()))
	}
	return db, nil
}

// Verify checks any bbolt file, whoever wrote it, as the files of this package
// are checked when they are opened, and closes it again. It changes nothing. A
// file that is missing or empty has no faults.
//
// Errors: ErrDamaged, ErrLocked, those of the disk.
func Verify(path string, o Options) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil
	}
	b := o.bolt()
	b.ReadOnly = true
	db, err := openChecked(path, b)
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		return fmt.Errorf("verify %s: %w", path, err)
	}
	return nil
}

// openChecked opens a file whose structure is checked before bbolt looks at it,
// and its content after. Should a fault come all the same, it is recovered.
func openChecked(path string, b *bbolt.Options) (db *bbolt.DB, err error) {
	var file *os.File
	open := b.OpenFile
	b.OpenFile = func(name string, flag int, perm fs.FileMode) (*os.File, error) {
		f, err := open(name, flag, perm)
		if err != nil {
			return nil, err
		}
		if err := lockAndCheck(f, b.Timeout); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		file = f
		return f, nil
	}
	faults := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(faults)
	defer func() {
		if p := recover(); p != nil {
			// bbolt is in no state to be closed: its mapping stays behind.
			if file != nil {
				unlockFile(file)
				_ = file.Close()
			}
			db, err = nil, damaged("%v", p)
		}
	}()
	if db, err = bbolt.Open(path, fileMode, b); err != nil {
		return nil, classify(err)
	}
	if err := check(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func lockAndCheck(f *os.File, wait time.Duration) error {
	if err := lockFile(f, wait); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	return checkPages(f, info.Size())
}

// check reads everything that is in the file, and has bbolt check itself.
func check(db *bbolt.DB) error {
	return db.View(func(tx *bbolt.Tx) error {
		if err := tx.ForEach(func(_ []byte, b *bbolt.Bucket) error { return touch(b) }); err != nil {
			return err
		}
		faults, first := 0, error(nil)
		for err := range tx.Check() {
			if faults++; first == nil {
				first = err
			}
		}
		if first != nil {
			return damaged("%d faults, the first is: %v", faults, first)
		}
		return nil
	})
}

// touch reads every byte of a bucket.
func touch(b *bbolt.Bucket) error {
	var last []byte
	var sum byte
	return b.ForEach(func(k, v []byte) error {
		if last != nil && bytes.Compare(last, k) >= 0 {
			return damaged("its keys are out of order")
		}
		for _, c := range k {
			sum ^= c
		}
		for _, c := range v {
			sum ^= c
		}
		last = append(last[:0], k...)
		return nil
	})
}

// ensure makes the buckets of a new file and refuses one of another kind or of
// a newer schema.
func (l layout) ensure(db *bbolt.DB) error {
	complete := false
	err := db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			if k, _ := tx.Cursor().First(); k != nil {
				return damaged("it is another program's")
			}
			return nil
		}
		complete = true
		if kind := meta.Get(keyKind); string(kind) != l.kind {
			return damaged("it is a %q file, not a %q file", kind, l.kind)
		}
		schema := meta.Get(keySchema)
		if len(schema) != 4 {
			return damaged("it has no schema version")
		}
		if n := binary.BigEndian.Uint32(schema); n > l.schema {
			return fmt.Errorf("%w: schema %d, known are up to %d", ErrNewerSchema, n, l.schema)
		}
		for _, name := range l.buckets {
			complete = complete && tx.Bucket([]byte(name)) != nil
		}
		return nil
	})
	if err != nil || complete {
		return err
	}
	return classify(db.Update(l.create))
}

func (l layout) create(tx *bbolt.Tx) error {
	meta, err := tx.CreateBucketIfNotExists(bucketMeta)
	if err != nil {
		return err
	}
	for _, name := range l.buckets {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	if err := meta.Put(keyKind, []byte(l.kind)); err != nil {
		return err
	}
	return raiseSchema(tx, l.fresh)
}

// schemaOf is the schema of what is in a file.
func schemaOf(tx *bbolt.Tx) uint32 {
	b := tx.Bucket(bucketMeta).Get(keySchema)
	if len(b) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// raiseSchema makes older programs refuse the file, if it is not so new already.
func raiseSchema(tx *bbolt.Tx, n uint32) error {
	if schemaOf(tx) >= n {
		return nil
	}
	return tx.Bucket(bucketMeta).Put(keySchema, binary.BigEndian.AppendUint32(nil, n))
}

// classify gives an error of bbolt or of the file system this package's name.
func classify(err error) error {
	if err == nil {
		return nil
	}
	for cause, ours := range map[error]error{
		berrors.ErrTimeout:         ErrLocked,
		berrors.ErrInvalid:         ErrDamaged,
		berrors.ErrChecksum:        ErrDamaged,
		berrors.ErrVersionMismatch: ErrDamaged,
		berrors.ErrDatabaseNotOpen: ErrClosed,
		berrors.ErrMaxSizeReached:  ErrDiskFull,
		syscall.ENOSPC:             ErrDiskFull,
		syscall.EDQUOT:             ErrDiskFull,
	} {
		if errors.Is(err, cause) {
			return fmt.Errorf("%w: %w", ours, err)
		}
	}
	// bbolt keeps only the text of an error of growing the file.
	if strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}

// SetAside renames a damaged file, so that it can be looked at later: its name
// with the time behind it, and a number if that is taken. Nothing is deleted.
func SetAside(path string, now time.Time) (newPath string, err error) {
	base := path + ".damaged-" + now.UTC().Format("20060102T150405Z")
	newPath = base
	for n := 2; ; n++ {
		if _, err := os.Lstat(newPath); errors.Is(err, fs.ErrNotExist) {
			break
		}
		newPath = base + "-" + strconv.Itoa(n)
	}
	if err := os.Rename(path, newPath); err != nil {
		return "", fmt.Errorf("set %s aside: %w", path, err)
	}
	if err := syncFolder(path); err != nil {
		return newPath, fmt.Errorf("set %s aside: %w", path, err)
	}
	return newPath, nil
}

// syncFolder makes a rename in the folder of path survive a crash.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
