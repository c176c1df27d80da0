package cluster

// Round is what the leader of the group knows when it has to hand out work: one per completed JoinGroup.
type Round struct {
	Leader         string // member id, one of Members
	Generation     int32  // of this round
	LastGeneration int32  // the last generation the leader completed (got its SyncGroup answer), -1 if none
	Version        int16  // of the protocol the group chose: 0 eager, 1 compatible, 2 sessioned
	Members        []Member
}

// MembershipChange is what the group tells the herder: Joined, Revoking or Left. Changes come in order, one at a time.
//
// A change with a Seq other than 0 has to be answered by Ready(Seq) once everything it takes away has stopped or was abandoned;
// the member does not join again before. (Invariant 5: a task never runs on two workers of the same generation.)
type MembershipChange interface{ membershipChange() }

// Joined says that a round is complete and what it brought. The member is in the group, also when Grant.Error is set: the herder then
// reads its config log to the end and calls Rejoin.
type Joined struct {
	Seq        int64 // 0 unless Grant.Revoked has something; after Ready(Seq) the member rejoins by itself
	Generation int32
	MemberID   string
	LeaderID   string
	LeaderURL  string
	IsLeader   bool
	// Grant as it came over the wire: under v1 and v2 Assigned and Revoked are differences.
	Grant Grant
	// Held is all this member has now: what it had, without Grant.Revoked, with Grant.Assigned.
	Held Assignment
	// ConfigOffset the assignment was made for; a member whose log is behind reads on before it starts anything, one whose log is
	// ahead rejoins. (DistributedHerder.handleRebalanceCompleted)
	ConfigOffset int64
	// Members is set on the leader only: advertised URL by member id.
	Members map[string]string
}

// Revoking asks to stop all work before the member joins again. It comes under the eager protocol, and when a group falls back to it.
type Revoking struct {
	Seq        int64 // never 0
	Generation int32
	Assignment Assignment // all the member had
	Reason     string
}

// Left says that the member is out of the group: the session was lost, or Leave was
// called. Except after Leave it tries to join again as soon as Ready(Seq) was called.
type Left struct {
	Seq        int64 // 0 if the member had nothing
	Generation int32 // the last one
	Assignment Assignment
	Reason     string
}

func (Joined) membershipChange()   {}
func (Revoking) membershipChange() {}
func (Left) membershipChange()     {}
