package shop;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.wxmock.junit.WxMockExtension;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.client.TestRestTemplate;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

@SpringBootTest(webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT)
class LoginTest {
    @RegisterExtension
    static WxMockExtension wx = WxMockExtension.with();

    @DynamicPropertySource
    static void addresses(DynamicPropertyRegistry properties) {
        properties.add("wx.api-host-url", () -> wx.mock().url());
        properties.add("wx.appid", () -> wx.mock().appid());
        properties.add("wx.secret", () -> wx.mock().secret());
    }

    @Autowired
    TestRestTemplate backend;

    @Test
    void aSpentCodeLogsNobodyIn() {
        Map<String, String> body = Map.of("code", wx.mock().code("alice"));
        assertEquals(200, backend.postForEntity("/login", body, String.class).getStatusCode().value());
        assertEquals(401, backend.postForEntity("/login", body, String.class).getStatusCode().value());
        wx.mock().assertCalls("jscode2session", 2);
    }
}
