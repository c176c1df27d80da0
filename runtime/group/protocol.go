package group

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Protocol is a value of connect.protocol: the newest protocol that a worker offers to its group
// (org.apache.kafka.connect.runtime.distributed.ConnectProtocolCompatibility). Its number is the version in the first two bytes of
// metadata and assignments.
type Protocol int16

const (
	// Eager stops all work in every rebalance.
	Eager Protocol = 0
	// Compatible offers incremental cooperative rebalancing (KIP-415), and eager.
	Compatible Protocol = 1
	// Sessioned is Compatible with signed internal requests (KIP-507), and offers the other two.
	Sessioned Protocol = 2
)

// groupType is the protocol type of worker groups in JoinGroup.
const groupType = "connect"

var (
	configNames = [...]string{"eager", "compatible", "sessioned"}   // in connect.protocol
	wireNames   = [...]string{"default", "compatible", "sessioned"} // in JoinGroup
)

// ParseProtocol reads a value of connect.protocol, in any case.
func ParseProtocol(value string) (Protocol, error) {
	for i, n := range configNames {
		if strings.EqualFold(n, value) {
			return Protocol(i), nil
		}
	}
	return 0, fmt.Errorf("connect.protocol is %q, it must be one of %s", value, strings.Join(configNames[:], ", "))
}

// String is the word of connect.protocol.
func (p Protocol) String() string {
	if p < 0 || int(p) >= len(configNames) {
		return fmt.Sprintf("protocol %d", int16(p))
	}
	return configNames[p]
}

// chosen finds the protocol that the coordinator picked.
func chosen(wireName string) (Protocol, error) {
	for i, n := range wireNames {
		if n == wireName {
			return Protocol(i), nil
		}
	}
	return 0, fmt.Errorf("the group chose the unknown protocol %q", wireName)
}

// offer is the protocols array of JoinGroup: the newest first, each with its own metadata.
func (p Protocol) offer(s WorkerState) ([]kmsg.JoinGroupRequestProtocol, error) {
	var offers []kmsg.JoinGroupRequestProtocol
	for v := p; v >= Eager; v-- {
		metadata, err := EncodeMetadata(int16(v), s)
		if err != nil {
			return nil, fmt.Errorf("encoding metadata: %w", err)
		}
		o := kmsg.NewJoinGroupRequestProtocol()
		o.Name, o.Metadata = wireNames[v], metadata
		offers = append(offers, o)
	}
	return offers, nil
}
