package store

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// The form of a bbolt file, as far as it must be known to check one. Numbers
// are in the machine's own byte order.
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageBranch   = 0x01
	pageLeaf     = 0x02
	pageFreelist = 0x10

	leafIsBucket = 0x01

	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4
	elementBytes = 16
	bucketHeader = 16 // root page 8, sequence 8
	metaBytes    = 64
	noFreelist   = ^uint64(0)
)

// pages checks the structure of a bbolt file by reading it as a file, never as a
// mapping. bbolt itself believes what pages say of themselves: over a damaged
// one it panics, reads where nothing is mapped, or walks on and on while its
// memory grows. After this check it does none of these.
type pages struct {
	r       io.ReaderAt
	size    uint64
	page    uint64 // bytes of a page
	limit   uint64 // the first page that is not in use
	visited []bool
}

type boltMeta struct{ pageSize, root, freelist, limit, txid uint64 }

// checkPages checks the file r of the given size. Errors: ErrDamaged, those of r.
func checkPages(r io.ReaderAt, size int64) error {
	p := &pages{r: r, size: uint64(size)}
	m, err := p.meta()
	if err != nil {
		return err
	}
	p.page, p.limit = m.pageSize, m.limit
	if m.limit > p.size/m.pageSize {
		return damaged("it is cut off at %d bytes, of %d pages of %d", size, m.limit, m.pageSize)
	}
	p.visited = make([]bool, m.limit)
	p.visited[0], p.visited[1] = true, true
	if m.freelist != noFreelist {
		if err := p.freelist(m.freelist); err != nil {
			return err
		}
	}
	return p.tree(m.root)
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// meta is the newest valid one of the two meta pages. The page size is only known
// from them, so the second is looked for at every size there is.
func (p *pages) meta() (boltMeta, error) {
	best, err := p.metaAt(0)
	found := err == nil
	for size := uint64(1 << 10); size <= 1<<24 && size+pageHeader+metaBytes <= p.size; size <<= 1 {
		m, err := p.metaAt(size)
		if err == nil && m.pageSize == size && (!found || m.pageSize == best.pageSize && m.txid > best.txid) {
			best, found = m, true
		}
	}
	if !found {
		return best, damaged("it has no valid meta page")
	}
	if best.limit < 4 || best.root < 2 || best.root >= best.limit {
		return best, damaged("its meta page makes no sense")
	}
	return best, nil
}

func (p *pages) metaAt(offset uint64) (m boltMeta, err error) {
	b := make([]byte, metaBytes)
	if err := p.read(b, offset+pageHeader); err != nil {
		return m, err
	}
	order := binary.NativeEndian
	h := fnv.New64a()
	_, _ = h.Write(b[:metaBytes-8])
	if order.Uint32(b) != boltMagic || order.Uint32(b[4:]) != boltVersion || order.Uint64(b[56:]) != h.Sum64() {
		return m, damaged("a meta page is not valid")
	}
	m = boltMeta{
		pageSize: uint64(order.Uint32(b[8:])),
		root:     order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]),
		limit:    order.Uint64(b[40:]),
		txid:     order.Uint64(b[48:]),
	}
	if m.pageSize < 1<<10 || m.pageSize > 1<<24 || m.pageSize&(m.pageSize-1) != 0 {
		return m, damaged("its pages are of %d bytes", m.pageSize)
	}
	return m, nil
}

func (p *pages) read(b []byte, offset uint64) error {
	if offset+uint64(len(b)) > p.size {
		return damaged("it is cut off at %d bytes", p.size)
	}
	if _, err := p.r.ReadAt(b, int64(offset)); err != nil {
		return fmt.Errorf("read at %d: %w", offset, err)
	}
	return nil
}

// load reads a page with its overflow, once.
func (p *pages) load(id uint64) (flags, count uint16, body []byte, err error) {
	if id < 2 || id >= p.limit {
		return 0, 0, nil, damaged("page %d is not in use", id)
	}
	head := make([]byte, pageHeader)
	if err := p.read(head, id*p.page); err != nil {
		return 0, 0, nil, err
	}
	order := binary.NativeEndian
	overflow := uint64(order.Uint32(head[12:]))
	if order.Uint64(head) != id || id+overflow >= p.limit {
		return 0, 0, nil, damaged("page %d has another's header", id)
	}
	for i := id; i <= id+overflow; i++ {
		if p.visited[i] {
			return 0, 0, nil, damaged("page %d is used twice", i)
		}
		p.visited[i] = true
	}
	body = make([]byte, (overflow+1)*p.page)
	if err := p.read(body, id*p.page); err != nil {
		return 0, 0, nil, err
	}
	return order.Uint16(head[8:]), order.Uint16(head[10:]), body, nil
}

func (p *pages) freelist(id uint64) error {
	flags, count, body, err := p.load(id)
	if err != nil {
		return err
	}
	order := binary.NativeEndian
	n, ids := uint64(count), body[pageHeader:]
	if count == 0xFFFF {
		n, ids = order.Uint64(ids), ids[8:]
	}
	if flags != pageFreelist || n > uint64(len(ids))/8 {
		return damaged("page %d is no list of free pages", id)
	}
	for ; n > 0; n, ids = n-1, ids[8:] {
		if free := order.Uint64(ids); free < 2 || free >= p.limit {
			return damaged("page %d cannot be free", free)
		}
	}
	return nil
}

// tree checks the page of an id and all below it.
func (p *pages) tree(id uint64) error {
	flags, count, body, err := p.load(id)
	if err != nil {
		return err
	}
	switch {
	case flags == pageBranch && count > 0:
		return p.branch(id, body, int(count))
	case flags == pageLeaf:
		return p.leaf(id, body, int(count))
	default:
		return damaged("page %d is of no known kind", id)
	}
}

func (p *pages) branch(id uint64, body []byte, count int) error {
	order := binary.NativeEndian
	for i := range count {
		at := pageHeader + i*elementBytes
		if at+elementBytes > len(body) {
			return damaged("page %d has too many elements", id)
		}
		e := body[at:]
		if !inside(body, at, order.Uint32(e), order.Uint32(e[4:]), 0) {
			return damaged("page %d points out of itself", id)
		}
		if err := p.tree(order.Uint64(e[8:])); err != nil {
			return err
		}
	}
	return nil
}

func (p *pages) leaf(id uint64, body []byte, count int) error {
	order := binary.NativeEndian
	for i := range count {
		at := pageHeader + i*elementBytes
		if at+elementBytes > len(body) {
			return damaged("page %d has too many elements", id)
		}
		e := body[at:]
		pos, k, v := order.Uint32(e[4:]), order.Uint32(e[8:]), order.Uint32(e[12:])
		if !inside(body, at, pos, k, v) {
			return damaged("page %d points out of itself", id)
		}
		if order.Uint32(e)&leafIsBucket == 0 {
			continue
		}
		start := at + int(pos) + int(k)
		if err := p.bucket(id, body[start:start+int(v)]); err != nil {
			return err
		}
	}
	return nil
}

// bucket checks a bucket, which is in pages of its own or, if small, in the value
// itself.
func (p *pages) bucket(id uint64, value []byte) error {
	if len(value) < bucketHeader {
		return damaged("page %d has a bucket cut short", id)
	}
	order := binary.NativeEndian
	if root := order.Uint64(value); root != 0 {
		return p.tree(root)
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || order.Uint16(inline[8:]) != pageLeaf {
		return damaged("page %d has a bucket cut short", id)
	}
	return p.leaf(id, inline, int(order.Uint16(inline[10:])))
}

// inside reports whether key and value of the element at a place, pos behind
// it, are in the page.
func inside(body []byte, at int, pos, k, v uint32) bool {
	return uint64(at)+uint64(pos)+uint64(k)+uint64(v) <= uint64(len(body)) && pos >= elementBytes
}
