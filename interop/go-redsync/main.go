// A process that locks with go-redsync, told what to do line by line on its standard input.
//
//	go-redsync unix:///run/a/s unix:///run/b/s
//	try KEY TTL_MS        -> ok | taken | error TEXT
//	extend                -> ok | failed TEXT
//	unlock                -> ok | failed TEXT
//	add KEY TTL_MS TIMES WITNESS_URL COUNTER
//	                      -> done N: adds 1 to a counter under the lock, renewing it once each time
//
// With `renew` or `contend` as its first argument it runs a workload instead: see workload.go.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-redsync/redsync/v4"
	rsredis "github.com/go-redsync/redsync/v4/redis"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

func open(url string) *redis.Client {
	if address, ok := strings.CutPrefix(url, "redis://"); ok {
		return redis.NewClient(&redis.Options{Addr: address})
	}
	path := strings.TrimPrefix(url, "unix://")
	return redis.NewClient(&redis.Options{Network: "unix", Addr: path})
}

func mutex(locks *redsync.Redsync, key, ttl string, tries int) *redsync.Mutex {
	ms, err := strconv.Atoi(ttl)
	if err != nil {
		panic(err)
	}
	return locks.NewMutex(key,
		redsync.WithExpiry(time.Duration(ms)*time.Millisecond),
		redsync.WithTries(tries),
		redsync.WithRetryDelay(5*time.Millisecond))
}

func main() {
	if len(os.Args) > 1 && (os.Args[1] == "renew" || os.Args[1] == "contend") {
		workload(os.Args[1:])
		return
	}
	var pools []rsredis.Pool
	for _, url := range os.Args[1:] {
		pools = append(pools, goredis.NewPool(open(url)))
	}
	locks := redsync.New(pools...)
	var held *redsync.Mutex
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch words[0] {
		case "try":
			held = mutex(locks, words[1], words[2], 1)
			var taken *redsync.ErrTaken
			switch err := held.Lock(); {
			case err == nil:
				fmt.Println("ok")
			case errors.As(err, &taken) || errors.Is(err, redsync.ErrFailed):
				fmt.Println("taken")
			default:
				fmt.Println("error", err)
			}
		case "extend":
			answer(held.Extend())
		case "unlock":
			answer(held.Unlock())
		case "add":
			times, _ := strconv.Atoi(words[3])
			fmt.Println("done", add(locks, words[1], words[2], times, open(words[4]), words[5]))
		}
	}
}

func answer(ok bool, err error) {
	if ok && err == nil {
		fmt.Println("ok")
	} else {
		fmt.Println("failed", err)
	}
}

// Reads, waits, and writes: an addition is lost if anybody else adds meanwhile.
func add(locks *redsync.Redsync, key, ttl string, times int, witness *redis.Client, counter string) int {
	done := 0
	for ; done < times; done++ {
		lock := mutex(locks, key, ttl, 1<<20)
		if err := lock.Lock(); err != nil {
			fmt.Println("error", err)
			return done
		}
		ctx := context.Background()
		before, _ := witness.Get(ctx, counter).Int()
		if ok, err := lock.Extend(); !ok || err != nil {
			fmt.Println("error extend", err)
			return done
		}
		time.Sleep(2 * time.Millisecond)
		witness.Set(ctx, counter, before+1, 0)
		if ok, err := lock.Unlock(); !ok || err != nil {
			fmt.Println("error unlock", err)
			return done
		}
	}
	return done
}
