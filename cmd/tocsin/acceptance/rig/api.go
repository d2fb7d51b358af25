package rig

import "time"

// The bodies of API v2, as far as the tests look at them.

// APIAlert is an alert as it is posted, and as it is listed.
type APIAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     *time.Time        `json:"startsAt,omitempty"`
	EndsAt       *time.Time        `json:"endsAt,omitempty"`
	UpdatedAt    *time.Time        `json:"updatedAt,omitempty"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
	Fingerprint  string            `json:"fingerprint,omitempty"`
	Status       *AlertStatus      `json:"status,omitempty"`
	Receivers    []Named           `json:"receivers,omitempty"`
}

// AlertStatus is what becomes of an alert.
type AlertStatus struct {
	State       string   `json:"state"`
	SilencedBy  []string `json:"silencedBy"`
	InhibitedBy []string `json:"inhibitedBy"`
	MutedBy     []string `json:"mutedBy"`
}

// Named is something with a name.
type Named struct {
	Name string `json:"name"`
}

// APIGroup is a group of alerts.
type APIGroup struct {
	Labels   map[string]string `json:"labels"`
	Receiver Named             `json:"receiver"`
	Alerts   []APIAlert        `json:"alerts"`
}

// APISilence is a silence as it is posted, and as it is listed.
type APISilence struct {
	ID        string       `json:"id,omitempty"`
	Matchers  []APIMatcher `json:"matchers"`
	StartsAt  time.Time    `json:"startsAt"`
	EndsAt    time.Time    `json:"endsAt"`
	UpdatedAt *time.Time   `json:"updatedAt,omitempty"`
	CreatedBy string       `json:"createdBy"`
	Comment   string       `json:"comment"`
	Status    *SilenceInfo `json:"status,omitempty"`
}

// SilenceInfo is where a silence stands.
type SilenceInfo struct {
	State string `json:"state"`
}

// APIMatcher is one matcher of a silence.
type APIMatcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual *bool  `json:"isEqual,omitempty"`
}

// Mute is a silence of alerts that have a label's value, for some time from now.
func Mute(name, value string, length time.Duration) APISilence {
	now := time.Now()
	return APISilence{
		Matchers:  []APIMatcher{{Name: name, Value: value}},
		StartsAt:  now,
		EndsAt:    now.Add(length),
		CreatedBy: "tester",
		Comment:   "while testing",
	}
}

// Status is the answer of GET /status.
type Status struct {
	Cluster struct {
		Name   string `json:"name"`
		Status string `json:"status"`
		Peers  []Peer `json:"peers"`
	} `json:"cluster"`
	VersionInfo struct {
		Version string `json:"version"`
	} `json:"versionInfo"`
	Config struct {
		Original string `json:"original"`
	} `json:"config"`
	Uptime time.Time `json:"uptime"`
}

// Peer is a member of the cluster.
type Peer struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}
