package io.github.wxmock.junit;

import static io.github.wxmock.junit.LoginExampleTest.login;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.IOException;
import java.net.URL;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.testkit.engine.EngineTestKit;

/** What docs/fixtures.md says of the fixture, method by method. */
class WxMockTest {
    @RegisterExtension
    static final WxMockExtension wxmock = WxMockExtension.with("--seed", "7");

    @Test
    void codesAreDistinctAndBelongToTheirUser(WxMock mock) throws Exception {
        List<String> codes = mock.codes(2, "bob");
        assertNotEquals(codes.get(0), codes.get(1));
        login(mock, codes.get(0));
        Call call = mock.calls("jscode2session").get(0);
        assertEquals("bob", call.user());
        assertEquals(200, call.status());
    }

    @Test
    void anExpiredKeyIsNoticedByThePhone(WxMock mock) throws Exception {
        login(mock, mock.code("alice"));
        assertEquals("checkSession:ok", mock.wx("checkSession", "alice", Map.of()).get("errMsg").getAsString());
        assertEquals(2, mock.rotateKey("alice").no());
        assertFalse(mock.expireKey("alice").current());
        assertTrue(mock.wx("checkSession", "alice", Map.of()).get("errMsg").getAsString().startsWith("checkSession:fail"));
    }

    @Test
    void heldAnswersLeaveInTheOrderOfTheTest(WxMock mock) throws Exception {
        List<String> codes = mock.codes(2, "alice");
        try (Hold hold = mock.hold("jscode2session")) {
            CompletableFuture<String> older = later(mock, codes.get(0));
            hold.await(1);
            CompletableFuture<String> newer = later(mock, codes.get(1));
            Parked second = hold.await(2).get(1);
            mock.request("POST", "/_mock/v1/gates/release", Map.of("call", second.call()));
            assertTrue(newer.get(10, TimeUnit.SECONDS).contains("openid"));
            assertFalse(older.isDone());
            assertEquals(1, hold.release());
            assertTrue(older.get(10, TimeUnit.SECONDS).contains("openid"));
        }
    }

    private static CompletableFuture<String> later(WxMock mock, String code) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return login(mock, code);
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        });
    }

    @Test
    void aHoldOfOneUserLetsOthersPass(WxMock mock) throws Exception {
        mock.hold("jscode2session", "arrived", "bob", 1);
        assertTrue(login(mock, mock.code("alice")).contains("openid"));
        assertEquals(0, mock.releaseAll());
    }

    @Test
    void aResetForgetsCallsCodesAndHolds(WxMock mock) throws Exception {
        String code = mock.code("alice");
        Hold hold = mock.hold("jscode2session");
        mock.reset();
        hold.end();
        assertTrue(login(mock, code).contains("40029"));
        mock.reset();
        mock.assertCalls("jscode2session", 0);
    }

    @Test
    void failuresSayWhatTheBackendDid(WxMock mock) throws Exception {
        login(mock, mock.code("alice"));
        String said = assertThrows(AssertionError.class, () -> mock.assertCalls("jscode2session", 2)).getMessage();
        assertTrue(said.startsWith("1 calls of jscode2session instead of 2; the backend called:\n  #"), said);
        try (Hold hold = mock.hold("jscode2session")) {
            said = assertThrows(AssertionError.class, () -> hold.await(1, Duration.ofMillis(10))).getMessage();
            assertTrue(said.startsWith("0 calls held instead of 1 after 10ms"), said);
        }
        said = assertThrows(WxMockException.class, () -> mock.code("carol")).getMessage();
        assertTrue(said.contains("no user is called"), said);
        said = assertThrows(WxMockException.class, () -> WxMock.start("--preset", "nonsense")).getMessage();
        assertTrue(said.startsWith("wxmock serve ended with 3:\n"), said);
    }

    @Test
    void withoutABinaryTheErrorSaysHowToGetOne() {
        String said = assertThrows(WxMockException.class, () -> MockProcess.binary("/nowhere/wxmock", null)).getMessage();
        assertTrue(said.startsWith("WXMOCK_BIN is \"/nowhere/wxmock\", which is no program"), said);
        said = assertThrows(WxMockException.class, () -> MockProcess.binary(null, "/nowhere")).getMessage();
        assertTrue(said.contains("name it in WXMOCK_BIN"), said);
    }

    @Nested
    class InANestedClass {
        @Test
        void theMockIsTheSame(WxMock mock) {
            assertEquals(wxmock.mock().url(), mock.url());
        }
    }

    @Test
    void theMockEndsAfterTheLastTestOfItsClass() {
        EngineTestKit.engine("junit-jupiter").selectors(selectClass(Ended.class)).execute().testEvents().assertStatistics(
                statistics -> statistics.succeeded(1));
        assertThrows(IOException.class, () -> new URL(Ended.url + "/_mock/livez").openStream());
    }

    static class Ended {
        static String url;

        @RegisterExtension
        static final WxMockExtension own = new WxMockExtension();

        @Test
        void isThere(WxMock mock) throws Exception {
            url = mock.url();
            new URL(url + "/_mock/livez").openStream().close();
        }
    }
}
