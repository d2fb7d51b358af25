package fsm

import (
	"fmt"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// foundCluster gives the cluster its name. There is no second one.
func (s *stage) foundCluster(id model.ClusterID) command.Result {
	switch s.v.cluster {
	case id:
		return command.Result{Code: command.CodeOK}
	case "":
		s.v.cluster = id
		s.mix('c', []byte(id))
		return command.Result{Code: command.CodeOK}
	default:
		return command.Result{
			Code:   command.CodeConflict,
			Detail: fmt.Sprintf("the cluster is %q", s.v.cluster),
		}
	}
}

func (s *stage) setNode(n model.Node) command.Result {
	if old, ok := s.v.Node(n.ID); !ok || old != n {
		s.putNode(n)
	}
	return command.Result{Code: command.CodeOK}
}

// removeNode drops a record; one that is gone is gone. A claim of the node is
// left to expire.
func (s *stage) removeNode(id model.NodeID) command.Result {
	if n, ok := s.v.Node(id); ok {
		s.deleteNode(n)
	}
	return command.Result{Code: command.CodeOK}
}

// setMinVersion raises what all voters know. It is never lowered: commands of
// that version may be in the log.
func (s *stage) setMinVersion(v uint32) command.Result {
	if v < s.v.minVersion {
		return command.Result{
			Code: command.CodeConflict, Rev: uint64(s.v.minVersion),
			Detail: fmt.Sprintf("the minimum is %d already", s.v.minVersion),
		}
	}
	if v > s.v.minVersion {
		s.v.minVersion = v
		s.mix('v', model.Encode(command.SetMinVersion{Version: v}))
	}
	return command.Result{Code: command.CodeOK, Rev: uint64(v)}
}
