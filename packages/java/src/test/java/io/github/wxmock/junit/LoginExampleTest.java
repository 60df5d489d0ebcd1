package io.github.wxmock.junit;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.net.URL;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(WxMockExtension.class)
class LoginExampleTest {
    // Your backend's, told of mock.url(), mock.appid() and mock.secret().
    static String login(WxMock mock, String code) throws Exception {
        String query = "?appid=%s&secret=%s&js_code=%s&grant_type=authorization_code".formatted(mock.appid(), mock.secret(), code);
        try (InputStream answer = new URL(mock.url() + "/sns/jscode2session" + query).openStream()) {
            return new String(answer.readAllBytes());
        }
    }

    @Test
    void aCodeWorksOnce(WxMock mock) throws Exception {
        String code = mock.code("alice");
        assertTrue(login(mock, code).contains("openid"));
        assertTrue(login(mock, code).contains("40163"));
        mock.assertCalls("jscode2session", 2);
    }
}
