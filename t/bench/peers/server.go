// SPDX-License-Identifier: MIT

// The same in Go with gorilla/websocket: a goroutine a client, one prepared message.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"
)

func main() {
	size, _ := strconv.Atoi(os.Args[1])
	var mutex sync.Mutex
	clients := map[chan *websocket.PreparedMessage]bool{}
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		connection, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		messages := make(chan *websocket.PreparedMessage, 1)
		mutex.Lock()
		clients[messages] = true
		mutex.Unlock()
		for message := range messages {
			if connection.WritePreparedMessage(message) != nil {
				break
			}
		}
		mutex.Lock()
		delete(clients, messages)
		mutex.Unlock()
		connection.Close()
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go http.Serve(listener, nil)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		message, _ := websocket.NewPreparedMessage(websocket.BinaryMessage, make([]byte, size))
		mutex.Lock()
		for client := range clients {
			select {
			case client <- message:
			default:
			}
		}
		mutex.Unlock()
	}
}
