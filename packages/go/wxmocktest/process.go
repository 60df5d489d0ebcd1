package wxmocktest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const patience = 30 * time.Second

// process is a running "wxmock serve".
type process struct {
	url    string
	child  *exec.Cmd
	stdin  io.Closer
	folder string
	ended  chan struct{}
}

// findBinary gives the binary named by WXMOCK_BIN, else the one on PATH.
func findBinary() (string, error) {
	if named := os.Getenv("WXMOCK_BIN"); named != "" {
		found, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("WXMOCK_BIN is %q, which is no program; name the wxmock binary, or unset it", named)
		}
		return found, nil
	}
	found, err := exec.LookPath("wxmock")
	if err != nil {
		return "", errors.New("no wxmock binary: put it on PATH (cargo install wxmock), or name it in WXMOCK_BIN")
	}
	return found, nil
}

func startProcess(args []string) (*process, error) {
	binary, err := findBinary()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "wxmock-")
	if err != nil {
		return nil, err
	}
	p := &process{folder: folder, ended: make(chan struct{})}
	if err := p.run(binary, args); err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	return p, nil
}

func (p *process) run(binary string, args []string) error {
	portFile, logPath := filepath.Join(p.folder, "port"), filepath.Join(p.folder, "log")
	log, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer log.Close()
	args = append([]string{"serve"}, args...)
	args = append(args, "--listen", "127.0.0.1", "--port", "0", "--port-file", portFile, "--quiet", "--stdin-lifeline")
	p.child = exec.Command(binary, args...)
	p.child.Stderr = log
	for _, variable := range os.Environ() {
		// A state kept from another run would make this one depend on it; the other is for us.
		if !strings.HasPrefix(variable, "WXMOCK_STATE=") && !strings.HasPrefix(variable, "WXMOCK_BIN=") {
			p.child.Env = append(p.child.Env, variable)
		}
	}
	if p.stdin, err = p.child.StdinPipe(); err != nil {
		return err
	}
	if err := p.child.Start(); err != nil {
		return err
	}
	go func() {
		_ = p.child.Wait()
		close(p.ended)
	}()
	port, err := p.port(portFile)
	if err != nil {
		p.stop()
		told, _ := os.ReadFile(logPath)
		return fmt.Errorf("%w:\n%s", err, told)
	}
	p.url = "http://127.0.0.1:" + port
	return nil
}

// port waits until the mock has said where it listens.
func (p *process) port(file string) (string, error) {
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if text, err := os.ReadFile(file); err == nil {
			return strings.TrimSpace(string(text)), nil
		}
		select {
		case <-p.ended:
			return "", fmt.Errorf("wxmock serve ended with %d", p.child.ProcessState.ExitCode())
		case <-deadline:
			return "", fmt.Errorf("wxmock serve was not ready within %s", patience)
		case <-tick.C:
		}
	}
}

func (p *process) stop() {
	// The end of its standard input is what it waits for; a test process that is killed ends it the same way.
	p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.child.Process.Kill()
		<-p.ended
	}
	os.RemoveAll(p.folder)
}
