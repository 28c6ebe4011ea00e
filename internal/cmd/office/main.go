// Command office stands behind `make run`, `make demo` and `make bench`: it
// brings up a whole office of the built binaries and shows it, proves it or
// measures it. All that it does is in package officetest.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"timbre/internal/officetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(os.Stdout).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "office:", err)
		os.Exit(1)
	}
}

func command(w io.Writer) *cobra.Command {
	root := &cobra.Command{Use: "office", SilenceUsage: true, SilenceErrors: true}
	bin := root.PersistentFlags().String("bin", "bin", "folder with timbred and timbre")
	sub := func(use, short string, do func(context.Context, string, io.Writer) error) {
		root.AddCommand(&cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return do(cmd.Context(), *bin, w)
		}})
	}
	sub("run", "Bring up a demo office and the app, logged in", play)
	sub("demo", "Let two headless phones prove what the office does", officetest.Demo)
	root.AddCommand(bench(bin, w))
	root.AddCommand(&cobra.Command{Use: "bare-relay CALLS", Hidden: true, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		n, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		return officetest.BareRelay(cmd.Context(), n, w)
	}})
	return root
}

// bench measures, with this program as the relay that is nothing but sockets.
func bench(bin *string, w io.Writer) *cobra.Command {
	var opt officetest.BenchOptions
	cmd := &cobra.Command{
		Use: "bench [PART...]", Short: "Measure the office beside its peers, all of it or some parts",
		Long:      "Measure the office beside its peers, all of it or some parts: " + strings.Join(officetest.BenchParts(), ", ") + ".",
		ValidArgs: officetest.BenchParts(),
		RunE: func(cmd *cobra.Command, parts []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			opt.Bin, opt.Bare, opt.Only = *bin, []string{self, "bare-relay"}, parts
			return officetest.Bench(cmd.Context(), opt, w)
		},
	}
	cmd.Flags().IntSliceVar(&opt.Rows, "rows", nil, "lengths of the logs that are synced (default 10000,1000000)")
	return cmd
}

// play brings up the app where there is a display, else the demo.
func play(ctx context.Context, bin string, w io.Writer) error {
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		fmt.Fprintln(w, "There is no display (neither DISPLAY nor WAYLAND_DISPLAY is set): running the demo without the app.")
		return officetest.Demo(ctx, bin, w)
	}
	return officetest.Play(ctx, bin, w)
}
