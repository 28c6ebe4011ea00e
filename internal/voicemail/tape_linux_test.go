package voicemail

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"timbre/internal/office"
)

// fills makes everything that is written to the open file name from now on meet
// a full disk.
func fills(t *testing.T, name string) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer full.Close()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Error(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != name {
			continue
		}
		n, err := strconv.Atoi(filepath.Base(link))
		if err == nil {
			err = syscall.Dup3(int(full.Fd()), n, syscall.O_CLOEXEC)
		}
		if err != nil {
			t.Error(err)
		}
		return
	}
	t.Errorf("%s is not open", name)
}

func TestFullDiskKeepsWhatWasSaid(t *testing.T) {
	for _, c := range []struct {
		said time.Duration // before the disk is full
		kept bool
	}{
		{time.Second, false},
		{4 * time.Second, true},
	} {
		t.Run(c.said.String(), func(t *testing.T) {
			m := newMachine(t, t.TempDir())
			defer m.close(t)
			l := newLine()
			defer l.hangsUp()
			go func() { // and never hangs up: the recording ends by itself
				<-l.listens
				l.says(speech(c.said))
				begun, err := m.store.Recordings(t.Context())
				if err != nil || len(begun) != 1 {
					t.Errorf("recordings %v, %v", begun, err)
					return
				}
				fills(t, m.store.MasterPath(begun[0].ID))
				l.says(speech(3 * time.Second))
			}()
			taken, err := m.Record(t.Context(), l, Message{To: m.to, From: office.Party{Number: "101"}})
			if !c.kept {
				if left, dropped := m.store.Recordings(t.Context()); taken != nil || err == nil || len(left) != 0 || dropped != nil {
					t.Errorf("taken %v, %v; left behind %v, %v", taken, err, left, dropped)
				}
				return
			}
			if err != nil || taken == nil {
				t.Fatal(taken, err)
			}
			if _, err := m.Keep(t.Context(), taken); err != nil {
				t.Fatal(err)
			}
			vs, _ := m.messages(t)
			if len(vs) != 1 || !vs[0].IsTruncated || time.Duration(vs[0].Duration) != c.said {
				t.Errorf("messages %+v", vs)
			}
		})
	}
}
