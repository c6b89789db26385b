// The two workloads that every library runs, and what it says meanwhile: interop/README.md.

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/go-redsync/redsync/v4"
	rsredis "github.com/go-redsync/redsync/v4/redis"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
)

type event struct {
	At    int64  `json:"at_us"`
	Task  int    `json:"task"`
	Event string `json:"event"`
	Until int64  `json:"until_us,omitempty"`
	Taken bool   `json:"taken,omitempty"`
	Error string `json:"error,omitempty"`
}

var (
	out   = bufio.NewWriter(os.Stdout)
	outMu sync.Mutex
)

func say(it event) {
	if it.At == 0 {
		it.At = monotonic()
	}
	line, _ := json.Marshal(it)
	outMu.Lock()
	defer outMu.Unlock()
	out.Write(append(line, '\n'))
	out.Flush()
}

// CLOCK_MONOTONIC, in microseconds.
func monotonic() int64 {
	var now syscall.Timespec
	const clockMonotonic = 1
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano() / 1000
}

func isTaken(err error) bool {
	var taken *redsync.ErrTaken
	return errors.As(err, &taken)
}

func text(err error) string {
	if err == nil {
		return "no reason given"
	}
	return err.Error()
}

type task struct {
	number   int
	mutex    *redsync.Mutex
	ttl      time.Duration
	deadline int64
	state    uint64
}

// below is SplitMix64.
func (t *task) below(bound int64) int64 {
	t.state += 0x9e3779b97f4a7c15
	z := t.state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return int64((z ^ (z >> 31)) % uint64(bound))
}

func (t *task) say(it event) {
	it.Task = t.number
	say(it)
}

func (t *task) until() int64 {
	return monotonic() + time.Until(t.mutex.Until()).Microseconds()
}

// acquire asks until it holds the lock, or time is over.
func (t *task) acquire() bool {
	for monotonic() < t.deadline {
		t.say(event{Event: "asks"})
		err := t.mutex.TryLock()
		if err == nil {
			t.say(event{Event: "held", Until: t.until()})
			return true
		}
		t.say(event{Event: "denied", Taken: isTaken(err), Error: text(err)})
		time.Sleep(time.Duration(5_000+t.below(15_000)) * time.Microsecond)
	}
	return false
}

func (t *task) extend() bool {
	ok, err := t.mutex.Extend()
	if !ok || err != nil {
		t.say(event{Event: "failed", Taken: isTaken(err), Error: text(err)})
		return false
	}
	t.say(event{Event: "extended", Until: t.until()})
	return true
}

func (t *task) release() {
	t.say(event{Event: "stops"})
	if ok, err := t.mutex.Unlock(); !ok || err != nil {
		t.say(event{Event: "unreleased", Error: text(err)})
		return
	}
	t.say(event{Event: "released"})
}

// renew is the loop of issue #158: a goroutine renews on a ticker until it is told to stop, and
// nobody waits for it.
func (t *task) renew() {
	for t.acquire() {
		stop := make(chan struct{})
		ticker := time.NewTicker(t.ttl / 2)
		go func() {
			defer ticker.Stop()
			for {
				select {
				case <-stop:
					return
				case <-ticker.C:
					t.extend()
				}
			}
		}()
		time.Sleep(t.ttl - 4*time.Millisecond + time.Duration(t.below(8_000))*time.Microsecond)
		close(stop)
		t.release()
		time.Sleep(time.Duration(t.below(10_000)) * time.Microsecond)
	}
}

// contend holds the lock for a while, and renews it once in between.
func (t *task) contend() {
	for t.acquire() {
		part := t.ttl * 2 / 5
		time.Sleep(part)
		if t.extend() {
			time.Sleep(part)
		}
		t.release()
		time.Sleep(time.Duration(t.below(20_000)) * time.Microsecond)
	}
}

// workload takes: renew|contend KEY TTL_MS TASKS RUN_MS SEED OPTION URL...
func workload(args []string) {
	number := func(at int) int64 {
		value, err := strconv.ParseInt(args[at], 10, 64)
		if err != nil {
			panic(err)
		}
		return value
	}
	key, ttl, tasks := args[1], time.Duration(number(2))*time.Millisecond, int(number(3))
	deadline, seed := monotonic()+number(4)*1000, uint64(number(5))
	options := []redsync.Option{redsync.WithExpiry(ttl)}
	if args[6] == "set-nx-on-extend" {
		options = append(options, redsync.WithSetNXOnExtend())
	}
	var pools []rsredis.Pool
	for _, url := range args[7:] {
		pools = append(pools, goredis.NewPool(open(url)))
	}
	locks := redsync.New(pools...)
	var all sync.WaitGroup
	for at := range tasks {
		name := key
		if args[0] == "renew" {
			name = key + ":" + strconv.Itoa(at)
		}
		one := &task{number: at, mutex: locks.NewMutex(name, options...), ttl: ttl,
			deadline: deadline, state: seed*1_000_003 + uint64(at)}
		all.Add(1)
		go func() {
			defer all.Done()
			if args[0] == "renew" {
				one.renew()
			} else {
				one.contend()
			}
		}()
	}
	all.Wait()
	say(event{Event: "done"})
}
