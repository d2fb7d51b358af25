package cli

import "github.com/spf13/cobra"

func newDev(Streams) *cobra.Command        { return group("dev", "") }
func newStatus(Streams) *cobra.Command     { return group("status", "") }
func newConfig(Streams) *cobra.Command     { return group("config", "") }
func newRaft(Streams) *cobra.Command       { return group("raft", "") }
func newDeliveries(Streams) *cobra.Command { return group("deliveries", "") }
