package cli

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newStatus(s Streams) *cobra.Command {
	cmd, r := attach(&cobra.Command{
		Use:   "status",
		Short: "Show a node and its cluster on one screen",
		Args:  nothing,
	}, s)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return r.call(cmd, func(ctx context.Context, c *client.Client) error {
			st, err := c.Status(ctx)
			if err != nil {
				return err
			}
			r.printf("%s", statusText(&st))
			return r.print(st, func(t *table) { peerRows(t, st.Peers) })
		})
	}
	return cmd
}

// statusText is what comes above the table of nodes.
func statusText(st *client.Status) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("Node", "%s, %s, Tocsin %s", cmp.Or(st.Node.Name, st.Node.ID), st.Node.State, cmp.Or(st.Build.Version, "of unknown version"))
	if st.Node.Waiting != "" {
		line("Waiting", "%s", st.Node.Waiting)
	}
	if st.Node.Storage != "" {
		line("Storage", "FAILED: %s", st.Node.Storage)
	}
	line("Quorum", "%s", quorumText(&st.Cluster))
	if !st.Node.DegradedSince.IsZero() {
		line("Degraded", "since %s: notifications go out without a quorum, later and perhaps twice", when(st.Node.DegradedSince))
	}
	line("Leader", "%s", leaderText(st.Cluster.Leader))
	line("Config", "%s", configText(st))
	line("Pending", "%d deliveries, %d sent without a quorum and not merged yet", st.Node.PendingDeliveries, st.Node.PendingOverlays)
	line("State", "index %d, hash %s", st.Node.Applied, st.Node.StateHash)
	b.WriteByte('\n')
	return b.String()
}

func quorumText(c *client.ClusterStatus) string {
	q := &c.Quorum
	if !c.Enabled {
		return "alone: clustering is off"
	}
	if !q.Held {
		return fmt.Sprintf("LOST since %s, %d of %d voters in sight: silences and configuration cannot be changed", when(q.LostAt), q.Reachable, q.Voters)
	}
	spare := q.Reachable - (q.Voters/2 + 1)
	return fmt.Sprintf("held, %d of %d voters in sight, can lose %d more", q.Reachable, q.Voters, max(0, spare))
}

func leaderText(p *client.Peer) string {
	if p == nil {
		return "none known"
	}
	return cmp.Or(p.Name, p.ID)
}

func configText(st *client.Status) string {
	if st.Node.ConfigRev == 0 {
		return "none yet"
	}
	text := fmt.Sprintf("version %d", st.Node.ConfigRev)
	for _, p := range st.Peers {
		if p.Alive && p.ConfigRev != 0 && p.ConfigRev != st.Node.ConfigRev {
			text += fmt.Sprintf(", but %s runs %d", cmp.Or(p.Name, p.ID), p.ConfigRev)
		}
	}
	return text
}

func peerRows(t *table, peers []client.Peer) {
	t.row("ID", "NAME", "ROLE", "ALIVE", "API", "GOSSIP", "RAFT", "VERSION", "CONFIG", "NOTES")
	for i := range peers {
		p := &peers[i]
		t.row(p.ID, dash(p.Name), p.Role, yesNo(p.Alive), dash(p.API), dash(p.Gossip), dash(p.Raft), dash(p.Version), number(p.ConfigRev), dash(notes(p)))
	}
}

func notes(p *client.Peer) string {
	var out []string
	if p.Self {
		out = append(out, "answered this")
	}
	if p.Degraded {
		out = append(out, "no quorum")
	}
	if p.StorageFailed {
		out = append(out, "storage failed")
	}
	if text := clockText(p); text != "" {
		out = append(out, text)
	}
	if !p.LastSeen.IsZero() {
		out = append(out, "last seen "+when(p.LastSeen))
	}
	return strings.Join(out, ", ")
}

// clockText is a word about a clock that is off by more than a second.
func clockText(p *client.Peer) string {
	if p.ClockSkew == nil || math.Abs(*p.ClockSkew) <= 1 {
		return ""
	}
	off := time.Duration(math.Abs(*p.ClockSkew) * float64(time.Second)).Round(100 * time.Millisecond)
	way := "ahead"
	if *p.ClockSkew < 0 {
		way = "behind"
	}
	text := fmt.Sprintf("clock %s %s", off, way)
	if p.ClockCorrected {
		text += " (goes by the others')"
	}
	return text
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func dash(s string) string { return cmp.Or(s, "-") }

func number(n uint64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatUint(n, 10)
}
