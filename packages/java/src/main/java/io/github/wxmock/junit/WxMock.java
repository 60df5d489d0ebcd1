package io.github.wxmock.junit;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.ProxySelector;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** A running mock with one mini program, whose users are alice and bob unless {@code --config} says otherwise. */
public final class WxMock implements AutoCloseable {
    private static final Gson GSON = new Gson();

    private final MockProcess process;
    // A proxy of the JVM is for the world outside; the mock is on loopback.
    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .proxy(ProxySelector.of(null))
            .build();
    private final String appid;
    private final String secret;
    private long since;
    private int holds;

    private WxMock(MockProcess process) {
        this.process = process;
        JsonObject app = request("GET", "/_mock/v1/apps", null).getAsJsonArray("apps").get(0).getAsJsonObject();
        appid = app.get("appid").getAsString();
        secret = app.get("secret").getAsString();
    }

    /**
     * Starts a mock on a free port.
     *
     * @param arguments those of {@code wxmock serve}, for example {@code "--preset", "worst-legal"}
     */
    public static WxMock start(String... arguments) {
        return new WxMock(new MockProcess(List.of(arguments)));
    }

    /** Base URL: what the backend under test calls instead of https://api.weixin.qq.com. */
    public String url() {
        return process.url();
    }

    /** The appid of the mini program. */
    public String appid() {
        return appid;
    }

    /** The AppSecret of the mini program. */
    public String secret() {
        return secret;
    }

    /**
     * Anything else of the API that {@code /_mock/openapi.json} describes.
     *
     * @param body sent as JSON; null sends none
     * @return the JSON of the answer
     * @throws WxMockException if the mock refuses, with what it said
     */
    public JsonObject request(String method, String path, Object body) {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url() + path))
                .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(GSON.toJson(body)))
                .build();
        try {
            HttpResponse<String> answer = client.send(request, BodyHandlers.ofString(StandardCharsets.UTF_8));
            if (answer.statusCode() >= 300) {
                throw new WxMockException(method + " " + path + ": " + answer.statusCode() + " " + answer.body());
            }
            return GSON.fromJson(answer.body(), JsonObject.class);
        } catch (IOException error) {
            throw new WxMockException("the mock at " + url() + " does not answer: " + error, error);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new WxMockException("interrupted while the mock was asked", interrupted);
        }
    }

    /** A fresh login code, as {@code wx.login} gives it to a page of this user. */
    public String code(String user) {
        return codes(1, user).get(0);
    }

    /** So many of them, 1 to 10000. */
    public List<String> codes(int count, String user) {
        JsonObject minted = request("POST", "/_mock/v1/codes", Map.of("app", appid, "user", user, "count", count));
        return items(minted, "codes").map(JsonElement::getAsString).toList();
    }

    /** What a {@code wx.*} call hands to the page of this user, for example getUserProfile with desc. */
    public JsonObject wx(String api, String user, Map<String, ?> options) {
        Map<String, Object> body = new HashMap<>(options);
        body.put("app", appid);
        body.put("user", user);
        return request("POST", "/_mock/wx/" + api, body);
    }

    /** Ends the user's session_key as time would. */
    public Key expireKey(String user) {
        return key(user, "expire");
    }

    /** Gives the user a new session_key, as a login elsewhere would; the old one is displaced. */
    public Key rotateKey(String user) {
        return key(user, "rotate");
    }

    private Key key(String user, String lever) {
        String path = "/_mock/v1/apps/" + appid + "/users/" + encoded(user) + "/keys/" + lever;
        return GSON.fromJson(request("POST", path, null), Key.class);
    }

    /** Holds every call of this endpoint from now on, when it has happened and its answer waits. */
    public Hold hold(String endpoint) {
        return hold(endpoint, "committed", null, null);
    }

    /**
     * Holds calls of the backend from now on. A call held for 30 s goes on by itself.
     *
     * @param endpoint a name as in docs/endpoints.md
     * @param point arrived (nothing has happened yet), committed (it has happened, the answer waits) or answered
     * @param user only calls about this user; null for all
     * @param times only the next so many calls; null for all
     */
    public Hold hold(String endpoint, String point, String user, Integer times) {
        String label = "hold-" + ++holds;
        Map<String, Object> matching = new HashMap<>(Map.of("endpoint", endpoint, "appid", appid));
        if (user != null) {
            matching.put("user", user);
        }
        Map<String, Object> body = new HashMap<>(Map.of("label", label, "point", point, "match", matching));
        if (times != null) {
            body.put("times", times);
        }
        return new Hold(this, request("POST", "/_mock/v1/gates", body).get("id").getAsLong(), label);
    }

    /** Ends every hold and lets every held call go; how many there were. */
    public int releaseAll() {
        return request("POST", "/_mock/v1/gates/open", null).get("released").getAsInt();
    }

    /** What the backend has called since the start or the last reset, in order of arrival. */
    public List<Call> calls() {
        JsonObject answer = request("GET", "/_mock/v1/calls?after=" + since, null);
        return items(answer, "calls").map(call -> GSON.fromJson(call, Call.class)).toList();
    }

    /** The same, of one endpoint. */
    public List<Call> calls(String endpoint) {
        return calls().stream().filter(call -> call.endpoint().equals(endpoint)).toList();
    }

    /** Fails the test unless the backend has called this endpoint exactly so many times. */
    public void assertCalls(String endpoint, int count) {
        int found = calls(endpoint).size();
        if (found != count) {
            throw new AssertionError(found + " calls of " + endpoint + " instead of " + count + "; the backend called:\n" + told());
        }
    }

    String told() {
        String lines = calls().stream()
                .map(call -> "  #" + call.id() + " " + call.endpoint() + " user=" + call.user() + " errcode=" + call.errcode() + " "
                        + call.state())
                .collect(Collectors.joining("\n"));
        return lines.isEmpty() ? "  nothing" : lines;
    }

    /** Back to the start: users, keys and codes as seeded, held calls let go, faults gone, no calls. */
    public void reset() {
        request("POST", "/_mock/v1/reset", null);
        since = request("GET", "/_mock/v1/calls?after=" + since, null).get("last").getAsLong();
    }

    /** Ends the mock. It also ends when this JVM does; stopping twice is once. */
    public void stop() {
        process.close();
    }

    @Override
    public void close() {
        stop();
    }

    static Stream<JsonElement> items(JsonObject answer, String name) {
        return StreamSupport.stream(answer.getAsJsonArray(name).spliterator(), false);
    }

    static <T> T read(JsonElement element, Class<T> type) {
        return GSON.fromJson(element, type);
    }

    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
