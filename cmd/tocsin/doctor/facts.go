package doctor

import (
	"cmp"
	"time"
)

// Facts are what one node knows of itself and of what it reaches.
type Facts struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Time    time.Time `json:"time"`
	Started time.Time `json:"started"`
	// State is its standing in a word; Waiting says what it waits for.
	State   string `json:"state"`
	Waiting string `json:"waiting,omitempty"`
	Storage string `json:"storage_error,omitempty"`
	// Clustered is false for a node that was told to run alone.
	Clustered bool `json:"clustered"`
	Quorum    bool `json:"quorum"`
	Voters    int  `json:"voters"`
	Reachable int  `json:"voters_reachable"`
	// Applied is the log index of its state, ConfigRev the version it runs.
	Applied   uint64 `json:"applied_index"`
	ConfigRev uint64 `json:"config_rev"`
	// Gossip and Raft are what the others are told to call; Own are the
	// addresses of this machine.
	Gossip string   `json:"gossip_address"`
	Raft   string   `json:"raft_address"`
	Own    []string `json:"own_addresses,omitempty"`
	// Clock: ahead of most clocks by so many seconds; nil if not known.
	Clock          *float64 `json:"clock_skew_seconds,omitempty"`
	ClockCorrected bool     `json:"clock_corrected,omitempty"`

	Peers     []Reach  `json:"peers,omitempty"`
	Receivers []Target `json:"receivers,omitempty"`
	Sources   []Source `json:"sources,omitempty"`
	Twins     []Twin   `json:"twins,omitempty"`
	Machine   Machine  `json:"machine"`
	Config    File     `json:"config_file"`
	// Failing are the integrations that nothing gets through to.
	Failing []Failing `json:"failing,omitempty"`
	// Applying is how long the slowest hundredth of changes took to be on disk,
	// in seconds; 0 if there were few.
	Applying float64 `json:"apply_p99_seconds,omitempty"`
	// Certificate is when the first of its certificates ends, Backup when the
	// last backup succeeded; nil where it has none.
	Certificate *time.Time `json:"certificate_ends,omitempty"`
	Backup      *time.Time `json:"backup,omitempty"`
}

// label is the node for people.
func (f *Facts) label() string { return cmp.Or(f.Name, f.ID) }

// Reach is how another member is reached. The errors are empty where it is.
type Reach struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Alive: gossip sees it.
	Alive     bool   `json:"alive"`
	Raft      string `json:"raft_address"`
	Gossip    string `json:"gossip_address"`
	RaftTCP   string `json:"raft_tcp_error,omitempty"`
	GossipTCP string `json:"gossip_tcp_error,omitempty"`
	GossipUDP string `json:"gossip_udp_error,omitempty"`
}

// Target is where a receiver's messages go, as far as a connection gets.
type Target struct {
	Receiver    string `json:"receiver"`
	Integration string `json:"integration"`
	// Address is host:port.
	Address string `json:"address,omitempty"`
	TLS     bool   `json:"tls,omitempty"`
	// Proxy: the address is that of a proxy.
	Proxy bool   `json:"proxy,omitempty"`
	Error string `json:"error,omitempty"`
}

// Source is somebody who posts alerts to the node.
type Source struct {
	// Name is the host of the alerts' generator URLs.
	Name  string    `json:"name"`
	Posts uint64    `json:"posts"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Twin is a label in which alerts differ that are the same otherwise.
type Twin struct {
	Label string `json:"label"`
	// Values are some of it, ascending; Alerts is how many alerts there would
	// be less without the label.
	Values  []string `json:"values"`
	Alerts  int      `json:"alerts"`
	Example string   `json:"example"`
}

// Machine is the computer that a node runs on.
type Machine struct {
	Folder string `json:"folder"`
	Disks  []Disk `json:"disks,omitempty"`
	Sync   Sync   `json:"sync"`
	// Modes are files and folders that others on the machine may read.
	Modes []Mode `json:"modes,omitempty"`
	// Files are open ones of the process, and its limit; 0: not known.
	OpenFiles  int    `json:"open_files,omitempty"`
	FilesLimit uint64 `json:"files_limit,omitempty"`
}

// Disk is a file system.
type Disk struct {
	Path       string `json:"path"`
	Free       uint64 `json:"free_bytes"`
	Size       uint64 `json:"size_bytes"`
	InodesFree uint64 `json:"inodes_free"`
	Inodes     uint64 `json:"inodes"`
	Error      string `json:"error,omitempty"`
}

// Sync is how long the disk took for small writes with a sync, in seconds.
type Sync struct {
	Median float64 `json:"median_seconds"`
	Worst  float64 `json:"worst_seconds"`
	Writes int     `json:"writes"`
	Error  string  `json:"error,omitempty"`
}

// Mode is a file or folder and its permissions.
type Mode struct {
	Path string `json:"path"`
	Mode string `json:"mode"`
	Want string `json:"want"`
}

// File is a node's configuration file.
type File struct {
	Path string `json:"path"`
	// Differs: from the version in force.
	Differs bool   `json:"differs"`
	Error   string `json:"error,omitempty"`
}
