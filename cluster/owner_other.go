//go:build !unix

package cluster

import "io/fs"

// ownerOf knows no owners here.
func ownerOf(fs.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }
