package install

import (
	"cmp"
	_ "embed"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The names on every machine, whoever installed it.
const (
	// Account is the user and the group that a node runs as.
	Account    = "tocsin"
	Unit       = "tocsin.service"
	ConfigDir  = "/etc/tocsin"
	DataDir    = "/var/lib/tocsin"
	ConfigFile = ConfigDir + "/alertmanager.yml"
	EnvFile    = ConfigDir + "/tocsin.env"
	TokenFile  = ConfigDir + "/join-token"
)

// The files that are the same everywhere, but for the path of the binary.
var (
	//go:embed payload/tocsin.service
	unitText string
	//go:embed payload/sysusers.conf
	sysusersText string
	//go:embed payload/tocsin.env
	envText string
	//go:embed payload/alertmanager.yml
	configText string
)

// Layout is where the files go that are the program's.
type Layout struct {
	Binary   string
	unitDir  string
	share    string // the rest is below it
	sysusers string
	// Packaged: the files belong to a package; `tocsin install` leaves them to
	// it.
	Packaged bool
}

// Local is the layout of what an administrator installs.
func Local() Layout {
	return Layout{
		Binary:   "/usr/local/bin/tocsin",
		unitDir:  "/etc/systemd/system",
		share:    "/usr/local/share",
		sysusers: "/usr/local/lib/sysusers.d",
	}
}

// Packaged is the layout of the packages for Debian and RHEL.
func Packaged() Layout {
	return Layout{
		Binary:   "/usr/bin/tocsin",
		unitDir:  "/usr/lib/systemd/system",
		share:    "/usr/share",
		sysusers: "/usr/lib/sysusers.d",
		Packaged: true,
	}
}

// UnitPath is the unit file.
func (l Layout) UnitPath() string { return path.Join(l.unitDir, Unit) }

// SysusersPath is the description of the account.
func (l Layout) SysusersPath() string { return path.Join(l.sysusers, "tocsin.conf") }

// Doc is a page or script that the command line writes about itself.
type Doc struct {
	Kind DocKind
	// Name is the file's name without folder.
	Name string
	Text []byte
}

// DocKind says where a Doc goes.
type DocKind string

// The kinds of Doc.
const (
	ManPage        DocKind = "manual page"
	BashCompletion DocKind = "bash completion"
	ZshCompletion  DocKind = "zsh completion"
	FishCompletion DocKind = "fish completion"
)

func (l Layout) docDir(k DocKind) string {
	return path.Join(l.share, map[DocKind]string{
		ManPage:        "man/man1",
		BashCompletion: "bash-completion/completions",
		ZshCompletion:  "zsh/site-functions",
		FishCompletion: "fish/vendor_completions.d",
	}[k])
}

// File is a file or a folder as it has to be on the machine.
type File struct {
	Path string
	// What it is, for people: "unit file".
	What string
	// Mode has fs.ModeDir for a folder.
	Mode fs.FileMode
	// Owner and Group are names; empty is root.
	Owner, Group string
	Text         []byte
	// doc: it is one of the pages and scripts about the command line.
	doc bool
	// Theirs: it is the operator's or the node's once it is there. It is not
	// written again, and stays after an uninstall.
	Theirs bool
}

// IsDir reports whether it is a folder.
func (f File) IsDir() bool { return f.Mode.IsDir() }

// Files are all files and folders of an installation, folders before what is in
// them. Binary is the program's content.
func Files(l Layout, binary []byte, docs []Doc) []File {
	files := []File{
		{Path: ConfigDir, What: "configuration folder", Mode: fs.ModeDir | 0o750, Group: Account, Theirs: true},
		{Path: DataDir, What: "data folder", Mode: fs.ModeDir | 0o700, Owner: Account, Group: Account, Theirs: true},
		{Path: ConfigFile, What: "first configuration", Mode: 0o640, Group: Account, Text: []byte(configText), Theirs: true},
		{Path: EnvFile, What: "flags", Mode: 0o640, Group: Account, Text: []byte(envText), Theirs: true},
		{Path: l.Binary, What: "program", Mode: 0o755, Text: binary},
		{Path: l.UnitPath(), What: "unit file", Mode: 0o644, Text: []byte(strings.ReplaceAll(unitText, "@BINARY@", l.Binary))},
		{Path: l.SysusersPath(), What: "account's description", Mode: 0o644, Text: []byte(sysusersText)},
	}
	for _, d := range docs {
		files = append(files, File{Path: path.Join(l.docDir(d.Kind), d.Name), What: string(d.Kind), Mode: 0o644, Text: d.Text, doc: true})
	}
	own := len(files) - len(docs)
	slices.SortFunc(files[own:], func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return files
}

// Sysusers describes the account to systemd-sysusers.
func Sysusers() string { return sysusersText }
