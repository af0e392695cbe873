// Package orders reads what a client is told to do and says what came of it: ../../driver.ts has the words.
package orders

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

const blockBytes = 1024 * 1024
const textBytesMax = 4096

// PartBytes is the least that S3 takes for a part which is not the last.
const PartBytes = 5 * 1024 * 1024

// Body is what an object holds.
type Body struct {
	Text string `json:"text"`
	Size int    `json:"size"`
	Seed string `json:"seed"`
}

// Bytes are the same as ../../body.ts makes.
func (body Body) Bytes() []byte {
	if body.Seed == "" {
		return []byte(body.Text)
	}
	block := make([]byte, 0, blockBytes)
	for counter := 0; counter < blockBytes/sha256.Size; counter++ {
		piece := sha256.Sum256([]byte(fmt.Sprintf("%s/%d", body.Seed, counter)))
		block = append(block, piece[:]...)
	}
	made := make([]byte, body.Size)
	for at := 0; at < body.Size; at += blockBytes {
		copy(made[at:], block)
		if at+4 <= body.Size {
			binary.BigEndian.PutUint32(made[at:], uint32(at/blockBytes))
		}
	}
	return made
}

// Order is one thing to do.
type Order struct {
	Op         string `json:"op"`
	Bucket     string `json:"bucket"`
	Key        string `json:"key"`
	Body       Body   `json:"body"`
	Prefix     string `json:"prefix"`
	Request    string `json:"request"`
	UploadID   string `json:"uploadId"`
	PartNumber int    `json:"partNumber"`
}

// Refusal is an error as the client shows it.
type Refusal struct {
	Code    string `json:"code"`
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// Outcome is what came of an order.
type Outcome struct {
	Error  *Refusal `json:"error,omitempty"`
	Length int      `json:"length"`
	Sha256 string   `json:"sha256,omitempty"`
	Text   string   `json:"text,omitempty"`
	Keys   []string `json:"keys,omitempty"`
	URL    string   `json:"url,omitempty"`
}

// Shown is the outcome of a read.
func Shown(data []byte) Outcome {
	digest := sha256.Sum256(data)
	outcome := Outcome{Length: len(data), Sha256: hex.EncodeToString(digest[:])}
	if len(data) <= textBytesMax {
		outcome.Text = string(data)
	}
	return outcome
}

// Serve answers orders from standard input, one after the other, until it ends.
func Serve(run func(Order) (Outcome, error), refusalOf func(error) Refusal) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, blockBytes)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var order Order
		err := json.Unmarshal(lines.Bytes(), &order)
		outcome := Outcome{}
		if err == nil {
			outcome, err = run(order)
		}
		if err != nil {
			refusal := refusalOf(err)
			refusal.Message = err.Error()
			outcome = Outcome{Error: &refusal}
		}
		if err := answers.Encode(outcome); err != nil {
			panic(err)
		}
	}
}
