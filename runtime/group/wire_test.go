package group

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// goldenAssignment is an assignment as testdata/protocol tells it.
type goldenAssignment struct {
	Version           int16
	Error             int16
	Leader            *string // null in ExtendedAssignment.empty(), which is not sent
	LeaderURL         string
	ConfigOffset      int64
	Connectors        []string
	Tasks             []goldenTask
	RevokedConnectors []string
	RevokedTasks      []goldenTask
	Delay             int32
}

type goldenTask struct {
	Connector string
	Task      int32
}

func (a *goldenAssignment) grant() *cluster.Grant {
	if a == nil || a.Leader == nil {
		return nil
	}
	ids := func(tasks []goldenTask) (ids []connect.TaskID) {
		for _, t := range tasks {
			ids = append(ids, connect.TaskID{Connector: t.Connector, Task: t.Task})
		}
		return ids
	}
	return &cluster.Grant{
		Version: a.Version, Error: cluster.AssignmentError(a.Error), Leader: *a.Leader, LeaderURL: a.LeaderURL, ConfigOffset: a.ConfigOffset,
		Assigned: cluster.Assignment{Connectors: a.Connectors, Tasks: ids(a.Tasks)},
		Revoked:  cluster.Assignment{Connectors: a.RevokedConnectors, Tasks: ids(a.RevokedTasks)},
		Delay:    a.Delay,
	}
}

// normal brings two forms of one grant together: nil and empty lists, and the order of connectors and tasks, which the wire changes
// (it groups by connector).
func normal(g cluster.Grant) cluster.Grant {
	for _, a := range []*cluster.Assignment{&g.Assigned, &g.Revoked} {
		a.Connectors = append([]string{}, a.Connectors...)
		slices.Sort(a.Connectors)
		a.Tasks = append([]connect.TaskID{}, a.Tasks...)
		slices.SortFunc(a.Tasks, func(x, y connect.TaskID) int {
			if c := strings.Compare(x.Connector, y.Connector); c != 0 {
				return c
			}
			return int(x.Task) - int(y.Task)
		})
	}
	return g
}

type goldenCase struct {
	Name, Kind, Hex string
	Input           json.RawMessage
}

func goldenCases(t testing.TB) []goldenCase {
	f, err := os.Open("testdata/protocol/manifest.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []goldenCase
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		var c goldenCase
		if err := json.Unmarshal(sc.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if err := sc.Err(); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	return cases
}

var kindVersion = map[string]int16{"eager": 0, "compatible": 1, "sessioned": 2}

// TestJavaBytes: what Java wrote is what we write for the same input, and reads back to that input.
func TestJavaBytes(t *testing.T) {
	for _, c := range goldenCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			golden, err := hex.DecodeString(c.Hex)
			if err != nil {
				t.Fatal(err)
			}
			protocol, kind, _ := strings.Cut(c.Kind, "-")
			version, ok := kindVersion[protocol]
			if !ok {
				t.Fatalf("unknown kind %s", c.Kind)
			}
			switch kind {
			case "metadata":
				checkMetadata(t, version, c.Input, golden)
			case "assignment":
				checkAssignment(t, version, c.Input, golden)
			default:
				t.Fatalf("unknown kind %s", c.Kind)
			}
		})
	}
}

func checkMetadata(t *testing.T, version int16, input []byte, golden []byte) {
	in := struct {
		URL          string
		ConfigOffset int64
		Assignment   *goldenAssignment
	}{}
	if err := json.Unmarshal(input, &in); err != nil {
		t.Fatal(err)
	}
	want := WorkerState{URL: in.URL, ConfigOffset: in.ConfigOffset, Assignment: in.Assignment.grant()}
	written, err := EncodeMetadata(version, want)
	if err != nil || !bytes.Equal(written, golden) {
		t.Errorf("wrote %x, %v\nwant  %x", written, err, golden)
	}
	gotVersion, got, err := DecodeMetadata(golden)
	if err != nil || gotVersion != version {
		t.Fatalf("version %d, %v", gotVersion, err)
	}
	again, err := EncodeMetadata(gotVersion, got)
	if err != nil || !bytes.Equal(again, golden) {
		t.Errorf("read and wrote %x, %v\nwant           %x", again, err, golden)
	}
	for _, s := range []*WorkerState{&got, &want} {
		if s.Assignment != nil {
			g := normal(*s.Assignment)
			g.Version = version
			s.Assignment = &g
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
}

func checkAssignment(t *testing.T, version int16, input []byte, golden []byte) {
	var in goldenAssignment
	if err := json.Unmarshal(input, &in); err != nil {
		t.Fatal(err)
	}
	want := *in.grant()
	want.Version = version
	written, err := EncodeAssignment(want)
	if err != nil || !bytes.Equal(written, golden) {
		t.Errorf("wrote %x, %v\nwant  %x", written, err, golden)
	}
	got, err := DecodeAssignment(golden)
	if err != nil {
		t.Fatal(err)
	}
	again, err := EncodeAssignment(got)
	if err != nil || !bytes.Equal(again, golden) {
		t.Errorf("read and wrote %x, %v\nwant           %x", again, err, golden)
	}
	if got, want := normal(got), normal(want); !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
}

// TestJavaProtocolOrder: JoinGroup offers the same protocols in the same order with the same metadata.
func TestJavaProtocolOrder(t *testing.T) {
	raw, err := os.ReadFile("testdata/protocol/join-protocols.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Protocol          string `json:"connect.protocol"`
		GroupProtocolType string
		URL               string
		ConfigOffset      int64
		Assignment        *goldenAssignment
		Protocols         []struct{ Name, MetadataHex string }
	}
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		if c.GroupProtocolType != groupType {
			t.Errorf("protocol type %s", c.GroupProtocolType)
		}
		p, err := ParseProtocol(strings.ToUpper(c.Protocol))
		if err != nil || p.String() != c.Protocol {
			t.Fatal(p, err)
		}
		s := WorkerState{URL: c.URL, ConfigOffset: c.ConfigOffset, Assignment: c.Assignment.grant()}
		offers, err := p.offer(s)
		if err != nil || len(offers) != len(c.Protocols) {
			t.Fatalf("%s: %d offers, %v", c.Protocol, len(offers), err)
		}
		for i, o := range offers {
			if o.Name != c.Protocols[i].Name || hex.EncodeToString(o.Metadata) != c.Protocols[i].MetadataHex {
				t.Errorf("%s: offer %d is %s %x, want %v", c.Protocol, i, o.Name, o.Metadata, c.Protocols[i])
			}
			if got, err := chosen(o.Name); err != nil || got != p-Protocol(i) {
				t.Errorf("%s: chosen is %v, %v", o.Name, got, err)
			}
		}
	}
}

func TestUnknownProtocolsAreErrors(t *testing.T) {
	if _, err := ParseProtocol("lazy"); err == nil || !strings.Contains(err.Error(), "connect.protocol") {
		t.Errorf("got %v", err)
	}
	if _, err := chosen("range"); err == nil {
		t.Error("no error for a consumer's protocol")
	}
}

func TestMissingTrailingFieldsAreEmpty(t *testing.T) {
	full, err := EncodeAssignment(cluster.Grant{Version: 2, Leader: "l", LeaderURL: "u", ConfigOffset: 7})
	if err != nil {
		t.Fatal(err)
	}
	head := len(full) - 12
	for _, n := range []int{head, head + 4, head + 8, head + 12} {
		g, err := DecodeAssignment(full[:n])
		if want := (cluster.Grant{Version: 2, Leader: "l", LeaderURL: "u", ConfigOffset: 7}); err != nil || !reflect.DeepEqual(g, want) {
			t.Errorf("%d bytes: %+v, %v", n, g, err)
		}
	}
	version, s, err := DecodeMetadata([]byte{0, 1, 0, 1, 'u', 0, 0, 0, 0, 0, 0, 0, 9})
	if want := (WorkerState{URL: "u", ConfigOffset: 9}); err != nil || version != 1 || !reflect.DeepEqual(s, want) {
		t.Errorf("%d %+v, %v", version, s, err)
	}
	if _, _, err := DecodeMetadata(append([]byte{0, 2}, full[2:head+1]...)); err == nil {
		t.Error("half a length was read")
	}
}

func TestMalformedBytesAreErrors(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":               {},
		"negative version":      {0xff, 0xff, 0, 0},
		"null leader":           {0, 2, 0, 0, 0xff, 0xff},
		"huge count, no bytes":  append([]byte{0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0x7f, 0xff, 0xff, 0xff),
		"negative task count":   append([]byte{0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 0, 0, 1, 0, 1, 'c', 0xff, 0xff, 0xff, 0xff),
		"v0 without assignment": {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		if g, err := DecodeAssignment(b); err == nil {
			t.Errorf("%s: read %+v", name, g)
		}
	}
}

func TestStringsTooLongForTheWireAreErrors(t *testing.T) {
	long := strings.Repeat("x", 1<<15)
	if _, err := EncodeAssignment(cluster.Grant{Assigned: cluster.Assignment{Connectors: []string{long}}}); err == nil {
		t.Error("assignment written")
	}
	if _, err := EncodeMetadata(1, WorkerState{Assignment: &cluster.Grant{Leader: long}}); err == nil {
		t.Error("metadata written")
	}
}

// FuzzDecodeAssignment: any bytes are read or refused, and what was read is written and read again the same.
func FuzzDecodeAssignment(f *testing.F) {
	for _, c := range goldenCases(f) {
		b, _ := hex.DecodeString(c.Hex)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := DecodeAssignment(b)
		if err != nil {
			return
		}
		written, err := EncodeAssignment(g)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeAssignment(written)
		if err != nil {
			t.Fatal(err)
		}
		dedupe(&g.Assigned)
		dedupe(&g.Revoked)
		if g.Version == 0 {
			g.Revoked, g.Delay = cluster.Assignment{}, 0
		}
		if !reflect.DeepEqual(normal(g), normal(again)) {
			t.Errorf("read %+v, then %+v", g, again)
		}
	})
}

// dedupe: a connector named twice is written once.
func dedupe(a *cluster.Assignment) {
	slices.Sort(a.Connectors)
	a.Connectors = slices.Compact(a.Connectors)
}

func FuzzDecodeMetadata(f *testing.F) {
	for _, c := range goldenCases(f) {
		b, _ := hex.DecodeString(c.Hex)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		version, s, err := DecodeMetadata(b)
		if err != nil {
			return
		}
		if written, err := EncodeMetadata(version, s); err != nil {
			t.Fatal(err)
		} else if _, again, err := DecodeMetadata(written); err != nil || again.URL != s.URL || again.ConfigOffset != s.ConfigOffset {
			t.Errorf("read %+v, then %+v, %v", s, again, err)
		}
	})
}
