package officetest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A Usage is what a process has taken from the machine so far.
type Usage struct {
	CPU time.Duration
	RSS int64 // bytes, now
}

// clockTick is the unit of processor times in /proc on Linux.
const clockTick = 10 * time.Millisecond

// Usage reads what the process has taken. It works on Linux alone.
func (p *Process) Usage() (Usage, error) { return usage(p.Pid()) }

// usage does the same for any process.
func usage(pid int) (Usage, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return Usage{}, err
	}
	// The name of the program, in parentheses, may hold anything.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 22 {
		return Usage{}, fmt.Errorf("%s/stat: %q", dir, stat)
	}
	var n [3]int64
	for i, at := range []int{11, 12, 21} { // utime, stime, rss
		if n[i], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return Usage{}, fmt.Errorf("%s/stat: %w", dir, err)
		}
	}
	return Usage{CPU: time.Duration(n[0]+n[1]) * clockTick, RSS: n[2] * int64(os.Getpagesize())}, nil
}
