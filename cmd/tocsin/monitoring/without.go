package monitoring

// Without are those of Alertmanager's metrics that have no meaning here, and why:
// what to look at instead. A name that ends in _ stands for all that begin so.
func Without() map[string]string {
	return map[string]string{
		"alertmanager_alerts_subscriber_channel_writes_total": "there are no channels between posted alerts and groups: tocsin_exchange_lag_seconds says how fast alerts spread",
		"alertmanager_event_":                       "only with --enable-feature=event-recorder, as in Alertmanager",
		"alertmanager_events_":                      "only with --enable-feature=event-recorder, as in Alertmanager",
		"alertmanager_nflog_gc_duration_seconds":    "the log is part of the replicated state: tocsin_fsm_apply_duration_seconds",
		"alertmanager_nflog_gossip_":                "the log is not gossiped: tocsin_fsm_applied_index says how far a node is",
		"alertmanager_nflog_maintenance_":           "the log is not written out from time to time but with every change: tocsin_raft_storage_failed",
		"alertmanager_nflog_query_duration_seconds": "a query is a look into memory",
		"alertmanager_nflog_snapshot_":              "the log is in the state file: tocsin_store_state_bytes",
		"alertmanager_oversize":                     "nothing that is gossiped can be too large: tocsin_overlays_dropped_total counts what was too much",
		"alertmanager_silences_gc_":                 "silences are part of the replicated state: tocsin_fsm_commands_total and tocsin_fsm_apply_duration_seconds",
		"alertmanager_silences_gossip_":             "silences are not gossiped: tocsin_fsm_applied_index says how far a node is",
		"alertmanager_silences_maintenance_":        "silences are not written out from time to time but with every change: tocsin_raft_storage_failed",
		"alertmanager_silences_snapshot_":           "silences are in the state file: tocsin_store_state_bytes",
		"alertmanager_silences_version_index_size":  "the index has no versions: alertmanager_silences_matcher_index_size",
		"alertmanager_tls_transport_":               "gossip has a keyring, not a transport of its own; what is between nodes is always TLS",
	}
}
