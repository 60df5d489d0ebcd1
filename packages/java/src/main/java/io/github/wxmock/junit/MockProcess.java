package io.github.wxmock.junit;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A running {@code wxmock serve}: the binary is found, started on a free port, and ended, at the latest with this JVM. */
final class MockProcess implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Path folder;
    private final Process child;
    private final Thread atExit = new Thread(this::end, "wxmock-end");
    private final String url;

    MockProcess(List<String> arguments) {
        try {
            folder = Files.createTempDirectory("wxmock-");
            Path portFile = folder.resolve("port");
            List<String> command = new ArrayList<>(List.of(binary(System.getenv("WXMOCK_BIN"), System.getenv("PATH")), "serve"));
            command.addAll(arguments);
            command.addAll(List.of("--listen", "127.0.0.1", "--port", "0", "--port-file", portFile.toString(), "--quiet"));
            command.add("--stdin-lifeline");
            ProcessBuilder builder = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(folder.resolve("log").toFile());
            // A state kept from another run would make this one depend on it; the other is for us.
            builder.environment().keySet().removeAll(List.of("WXMOCK_STATE", "WXMOCK_BIN"));
            child = builder.start();
            Runtime.getRuntime().addShutdownHook(atExit);
            url = "http://127.0.0.1:" + port(portFile);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** The binary named by WXMOCK_BIN, else the one on PATH. */
    static String binary(String named, String path) {
        if (named != null && !named.isEmpty()) {
            if (!new File(named).canExecute()) {
                throw new WxMockException("WXMOCK_BIN is \"" + named + "\", which is no program; name the wxmock binary, or unset it");
            }
            return named;
        }
        for (String folder : (path == null ? "" : path).split(File.pathSeparator)) {
            for (String name : List.of("wxmock", "wxmock.exe")) {
                File file = new File(folder, name);
                if (file.isFile() && file.canExecute()) {
                    return file.getPath();
                }
            }
        }
        throw new WxMockException("no wxmock binary: put it on PATH (cargo install wxmock), or name it in WXMOCK_BIN");
    }

    String url() {
        return url;
    }

    private String port(Path file) throws IOException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        try {
            while (!Files.exists(file)) {
                if (child.waitFor(5, TimeUnit.MILLISECONDS)) {
                    throw failed("wxmock serve ended with " + child.exitValue());
                }
                if (System.nanoTime() > deadline) {
                    throw failed("wxmock serve was not ready within " + PATIENCE.toSeconds() + " s");
                }
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw failed("interrupted while wxmock serve started");
        }
        return Files.readString(file).strip();
    }

    private WxMockException failed(String what) throws IOException {
        String said = Files.readString(folder.resolve("log"));
        close();
        return new WxMockException(what + ":\n" + said);
    }

    /** Ends the mock. Closing twice is once. */
    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(atExit);
        } catch (IllegalStateException shuttingDown) {
            // Then the hook does it, or has done it.
        }
        end();
    }

    private void end() {
        try {
            // The end of its standard input is what it waits for; a JVM that is killed ends it the same way.
            child.getOutputStream().close();
            if (!child.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                child.destroyForcibly().waitFor();
            }
            if (Files.exists(folder)) {
                try (Stream<Path> files = Files.walk(folder)) {
                    files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
