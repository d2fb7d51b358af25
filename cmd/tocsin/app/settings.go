package app

import "time"

// Settings are what the operator chose for one node: the flags of
// `tocsin server`. The zero value is not usable; start from DefaultSettings.
type Settings struct {
	// ConfigFile seeds an empty cluster, and is what a reload proposes.
	ConfigFile string
	// DataDir is made with mode 0700 if it is not there.
	DataDir string
	// Retention is how long expired silences and the entries and history of
	// the notification log are kept.
	Retention time.Duration
	// MaintenanceInterval is checked and not used: the cluster removes what is
	// past its retention every minute.
	MaintenanceInterval time.Duration
	// Features are Alertmanager's feature names, separated by commas.
	Features string
	// MemLimitRatio is the share of the memory that the feature
	// auto-gomemlimit lets Go use: above 0, at most 1.
	MemLimitRatio float64

	Silences SilenceSettings
	Alerts   AlertSettings
	Dispatch DispatchSettings
	Web      WebSettings
	Cluster  ClusterSettings
	Raft     RaftSettings
}

// SilenceSettings bound and log silences. A limit of 0 or less is none.
type SilenceSettings struct {
	Max          int
	MaxSizeBytes int
	Log          bool
}

// AlertSettings are for the alerts in memory.
type AlertSettings struct {
	GCInterval time.Duration
	// PerNameLimit bounds the alerts of one alertname; 0 or less is no limit.
	PerNameLimit int
}

// DispatchSettings are for the groups.
type DispatchSettings struct {
	// MaintenanceInterval is checked and not used: an empty group is removed
	// at once.
	MaintenanceInterval time.Duration
	// StartDelay counts from the start of the process.
	StartDelay time.Duration
}

// WebSettings are for the HTTP side.
type WebSettings struct {
	// ListenAddresses are host:port or vsock://:port; not used with
	// SystemdSocket.
	ListenAddresses []string
	SystemdSocket   bool
	// ConfigFile is exporter-toolkit's TLS and basic-auth file; may be empty.
	ConfigFile string
	// AdminSocket is the unix socket for administration; a relative path is below
	// DataDir, empty is none.
	AdminSocket string
	ExternalURL string
	RoutePrefix string
	CORSOrigin  string
	// GetConcurrency bounds the GETs under way; 0 or less means GOMAXPROCS or
	// 8, whichever is larger.
	GetConcurrency int
	// Timeout bounds every request; 0 or less is no bound.
	Timeout time.Duration
	// EnablePprof serves /debug/pprof.
	EnablePprof bool
	// MaxBodyBytes bounds a request's body.
	MaxBodyBytes int64
}

// ClusterSettings are for the gossip between nodes.
type ClusterSettings struct {
	// ListenAddress is host:port; empty switches clustering off.
	ListenAddress    string
	AdvertiseAddress string
	PeerName         string
	Peers            []string
	// PeerTimeout is what a node without a quorum waits for each one before
	// it in rank.
	PeerTimeout      time.Duration
	ResolveTimeout   time.Duration
	GossipInterval   time.Duration
	PushPullInterval time.Duration
	TCPTimeout       time.Duration
	ProbeTimeout     time.Duration
	ProbeInterval    time.Duration
	// SettleTimeout is not used: a node waits until it is a member.
	SettleTimeout time.Duration
	// ReconnectInterval is how often lost peers are tried again,
	// ReconnectTimeout for how long.
	ReconnectInterval time.Duration
	ReconnectTimeout  time.Duration
	Label             string
	// JoinTokenFile holds a join token; empty: none. TLSConfigFile names the
	// operator's own certificates; empty: the cluster makes its own.
	JoinTokenFile string
	TLSConfigFile string
}

// RaftSettings are for the replicated state.
type RaftSettings struct {
	// ListenAddress is host:port; empty means the cluster address's host and
	// the port after its port.
	ListenAddress    string
	AdvertiseAddress string
	// BootstrapExpect is how many empty nodes form the cluster together; 0
	// means that a node with peers only ever joins.
	BootstrapExpect int
}

// DefaultMaxBodyBytes bounds request bodies where nothing else is said. It is
// far above what Prometheus sends: 64 alerts a request, some kilobytes each.
const DefaultMaxBodyBytes = 32 << 20

// DefaultAdminSocket is the admin socket's name in the data folder.
const DefaultAdminSocket = "admin.sock"

// DefaultSettings are Alertmanager's defaults, and ours for what it has not.
func DefaultSettings() Settings {
	return Settings{
		ConfigFile:          "alertmanager.yml",
		DataDir:             "data/",
		Retention:           120 * time.Hour,
		MaintenanceInterval: 15 * time.Minute,
		MemLimitRatio:       0.9,
		Alerts:              AlertSettings{GCInterval: 30 * time.Minute},
		Dispatch:            DispatchSettings{MaintenanceInterval: 30 * time.Second},
		Web: WebSettings{
			ListenAddresses: []string{":9093"},
			MaxBodyBytes:    DefaultMaxBodyBytes,
			AdminSocket:     DefaultAdminSocket,
		},
		Cluster: ClusterSettings{
			ListenAddress:     "0.0.0.0:9094",
			PeerTimeout:       15 * time.Second,
			ResolveTimeout:    15 * time.Second,
			GossipInterval:    200 * time.Millisecond,
			PushPullInterval:  time.Minute,
			TCPTimeout:        10 * time.Second,
			ProbeTimeout:      500 * time.Millisecond,
			ProbeInterval:     time.Second,
			SettleTimeout:     time.Minute,
			ReconnectInterval: 10 * time.Second,
			ReconnectTimeout:  6 * time.Hour,
		},
	}
}
