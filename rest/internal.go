package rest

import (
	"net/http"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/rest/api"
)

// putTasks takes the task configs that another worker made for a connector (InternalClusterResource.putTaskConfigs). Unlike Java it
// looks at the signature before the body.
func (s *Server) putTasks(r *request) (response, error) {
	if err := s.verify(r); err != nil {
		return response{}, err
	}
	var list []api.Config
	if err := r.decode("a list of task configs", &list); err != nil {
		return response{}, err
	}
	tasks := make([]config.Props, len(list))
	for i, c := range list {
		if tasks[i] = c.Values; tasks[i] == nil {
			tasks[i] = config.Props{}
		}
	}
	return response{status: http.StatusNoContent}, r.herder.PutTasks(r.ctx, r.connector(), tasks)
}

// fence is InternalClusterResource.fenceZombies.
func (s *Server) fence(r *request) (response, error) {
	if err := s.verify(r); err != nil {
		return response{}, err
	}
	h, ok := r.herder.(Fencer)
	if !ok {
		return response{}, notSupported("Fencing out the zombies of a connector")
	}
	return response{status: http.StatusNoContent}, h.FenceZombies(r.ctx, r.connector())
}

// memberLeaving hears on the leader that a member leaves in order, and answers with the addresses of all members.
func (s *Server) memberLeaving(r *request) (response, error) {
	if err := s.verify(r); err != nil {
		return response{}, err
	}
	var leaving api.MemberLeaving
	if err := r.decode("a member id", &leaving); err != nil {
		return response{}, err
	}
	m, ok := r.herder.(Membership)
	if !ok || leaving.MemberID == "" {
		return response{}, notSupported("Leaving the group in order")
	}
	urls, err := m.MemberLeaving(leaving.MemberID)
	return response{status: http.StatusOK, body: api.GroupMembers{URLs: urls}}, err
}

// heartbeat makes this worker ask its group's coordinator at once whether the group rebalances.
func (s *Server) heartbeat(r *request) (response, error) {
	if err := s.verify(r); err != nil {
		return response{}, err
	}
	m, ok := r.herder.(Membership)
	if !ok {
		return response{}, notSupported("A heartbeat on request")
	}
	m.Heartbeat()
	return response{status: http.StatusNoContent}, nil
}
