import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * HTTP clients that know nothing of a mock: each asks https://api.weixin.qq.com for a session, as a small backend would.
 * Prints the client's version and the body of the answer, a line each.
 */
public class HttpClients {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    public static void main(String[] arguments) throws Exception {
        URI uri = URI.create("https://api.weixin.qq.com/sns/jscode2session?grant_type=authorization_code"
                + parameter("appid", "WX_APPID") + parameter("secret", "WX_SECRET") + parameter("js_code", "WX_CODE"));
        System.out.println("built in");
        System.out.println(arguments[0].equals("java.net.http") ? withHttpClient(uri) : withUrlConnection(uri));
    }

    private static String parameter(String name, String variable) {
        return "&" + name + "=" + URLEncoder.encode(System.getenv(variable), StandardCharsets.UTF_8);
    }

    private static String withUrlConnection(URI uri) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
        connection.setConnectTimeout((int) PATIENCE.toMillis());
        connection.setReadTimeout((int) PATIENCE.toMillis());
        try (InputStream body = connection.getInputStream()) {
            return new String(body.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String withHttpClient(URI uri) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(uri).timeout(PATIENCE).build();
        return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
    }
}
