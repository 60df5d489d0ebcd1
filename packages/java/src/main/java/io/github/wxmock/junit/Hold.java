package io.github.wxmock.junit;

import com.google.gson.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Calls that are held. Closing it ends it and lets them go. */
public final class Hold implements AutoCloseable {
    private final WxMock mock;
    private final long gate;
    private final String label;

    Hold(WxMock mock, long gate, String label) {
        this.mock = mock;
        this.gate = gate;
        this.label = label;
    }

    /** Waits five seconds at most until so many calls are held. */
    public List<Parked> await(int count) {
        return await(count, Duration.ofSeconds(5));
    }

    /** Waits until so many calls are held and gives them; fails the test if they do not come. */
    public List<Parked> await(int count, Duration within) {
        String query = "?label=" + label + "&count=" + count + "&wait=" + within.toMillis() + "ms";
        JsonObject answer = mock.request("GET", "/_mock/v1/parked" + query, null);
        List<Parked> parked = WxMock.items(answer, "parked").map(call -> WxMock.read(call, Parked.class)).toList();
        if (parked.size() < count) {
            throw new AssertionError(parked.size() + " calls held instead of " + count + " after " + within.toMillis()
                    + "ms; the backend called:\n" + mock.told());
        }
        return parked;
    }

    /** Lets all go that are held now; how many there were. Later calls are still held. */
    public int release() {
        return release(Map.of("label", label));
    }

    /** Lets the first so many go; how many there were. */
    public int release(int first) {
        return release(Map.of("label", label, "first", first));
    }

    private int release(Map<String, ?> which) {
        return mock.request("POST", "/_mock/v1/gates/release", which).get("released").getAsInt();
    }

    /** Holds nothing more, and lets go what is held. Ending twice is once, also after a reset or releaseAll. */
    public void end() {
        JsonObject answer = mock.request("GET", "/_mock/v1/gates", null);
        if (WxMock.items(answer, "gates").anyMatch(one -> one.getAsJsonObject().get("id").getAsLong() == gate)) {
            mock.request("DELETE", "/_mock/v1/gates/" + gate, null);
        }
        release();
    }

    @Override
    public void close() {
        end();
    }
}
