package topiclog_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/connectd/connectd/internal/kafkatest"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestTopicIsDeletedAndCreatedAnew: reader and writer go on with the new topic. It has more records than the old one had, so that reading it from the
// old position would leave some out.
func TestTopicIsDeletedAndCreatedAnew(t *testing.T) {
	c := kafkatest.Start(t)
	cl, err := kgo.NewClient(options(c)...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	create := func() {
		t.Helper()
		if _, err := adm.CreateTopic(t.Context(), 1, 1, nil, "log"); err != nil {
			t.Fatal(err)
		}
	}
	create()
	w := writer(t, c, "log", "")
	write(t, w, "old", "1", "old", "2")
	l := start(t, c, "log", false)
	defer l.stop()
	toEnd(t, l)
	if _, err := adm.DeleteTopic(t.Context(), "log"); err != nil {
		t.Fatal(err)
	}
	create()
	want := []string{"old=1", "old=2"}
	for i := range 5 {
		v := fmt.Sprint(i)
		write(t, w, "new", v)
		want = append(want, "new="+v)
	}
	for deadline := time.Now().Add(20 * time.Second); !slices.Equal(l.read(), want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q, want %q", l.read(), want)
		}
	}
}
