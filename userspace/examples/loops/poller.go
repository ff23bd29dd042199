// SPDX-License-Identifier: MIT-0

// Go: a file in the runtime's poller: a read blocks its goroutine but no thread, and has a deadline.
// go build poller.go; ./poller /dev/evnotify-sim0
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Numbers and structures of <linux/evnotify.h>, without cgo; ioctls are those of x86 and arm.
const (
	iocRegister    = 0xc020ed01
	iocCancel      = 0xc020ed03
	sourceRepeat   = 0x2 | 0x4
	eventData      = 0x2
	clockMonotonic = 1
)

type request struct {
	userData, dueNs, periodNs, id uint64
	mode, flags                   uint32
	clockid, eventfd              int32
	count                         uint32
	_                             [3]uint32
}

type event struct {
	userData, id, data, expiredNs, completedNs, seq uint64 // data is due_ns of a timer
	count, lost                                     uint32
	status                                          int32
	flags                                           uint32
}

type register struct {
	requests     *request // where pointers have 64 bits
	count, taken uint32
	_            [2]uint64
}

type cancel struct {
	id           uint64
	flags, _     uint32
	cancelled, _ uint64
}

// Not by Fd(): that makes the file a blocking one, which has no deadlines.
func ioctl(f *os.File, number uintptr, arg unsafe.Pointer) {
	conn, _ := f.SyscallConn()
	conn.Control(func(fd uintptr) {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, fd, number, uintptr(arg)); e != 0 {
			log.Fatalf("ioctl %#x: %v", number, e)
		}
	})
}

func told(ev *event) string {
	if ev.flags&eventData != 0 {
		return fmt.Sprint("event ", ev.data)
	}
	return map[int32]string{0: "done", -int32(syscall.ECANCELED): "cancelled",
		-int32(syscall.ENODEV): "the source is gone"}[ev.status]
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: poller NODE")
	}
	f, err := os.OpenFile(os.Args[1], os.O_RDWR, 0)
	if err != nil {
		log.Fatal(err)
	}
	reqs := []request{{dueNs: 30e6}, {dueNs: 10e6}, {dueNs: 20e6}, {dueNs: 3600e9}, {flags: sourceRepeat}}
	for i := range reqs {
		reqs[i].userData, reqs[i].clockid = uint64(i+1), clockMonotonic
	}
	ioctl(f, iocRegister, unsafe.Pointer(&register{requests: &reqs[0], count: 5}))
	var events [64]event
	for {
		f.SetReadDeadline(time.Now().Add(time.Minute)) // then os.ErrDeadlineExceeded
		n, err := f.Read((*[unsafe.Sizeof(events)]byte)(unsafe.Pointer(&events))[:])
		if errors.Is(err, syscall.ENODEV) {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		for i := range events[:n/int(unsafe.Sizeof(events[0]))] {
			fmt.Printf("request %d: %s\n", events[i].userData, told(&events[i]))
			if events[i].userData == 1 { // nobody wants request 4 any more
				ioctl(f, iocCancel, unsafe.Pointer(&cancel{id: reqs[3].id}))
			}
		}
	}
}
