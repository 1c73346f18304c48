// A Java client of `edgeenh station`, standard library alone (Java 11 or newer).
//
//   javac Enhance.java && java Enhance http://127.0.0.1:8350 in.png out.png [strength]
//
// Exit: 0 enhanced; 1 the station refused or could not; 2 usage. 503 is tried again after Retry-After seconds.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

public final class Enhance {
    private static final int TRIES = 5;

    public static void main(String[] args) throws Exception {
        if (args.length < 3) {
            System.err.println("usage: Enhance STATION IN.png OUT.png [STRENGTH]");
            System.exit(2);
        }
        String strength = args.length > 3 ? "?strength=" + args[3] : "";
        HttpRequest request = HttpRequest.newBuilder(URI.create(args[0] + "/v1/enhance" + strength))
                .header("Content-Type", mediaType(args[1]))
                .timeout(Duration.ofSeconds(30))
                .POST(HttpRequest.BodyPublishers.ofFile(Path.of(args[1])))
                .build();
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        for (int attempt = 1; ; attempt++) {
            HttpResponse<byte[]> answer = client.send(request, HttpResponse.BodyHandlers.ofByteArray());
            if (answer.statusCode() == 503 && attempt < TRIES) {
                Thread.sleep(1000L * answer.headers().firstValueAsLong("Retry-After").orElse(1));
                continue;
            }
            if (answer.statusCode() != 200) {
                System.err.println(answer.statusCode() + " " + new String(answer.body(), StandardCharsets.UTF_8).trim());
                System.exit(1);
            }
            // Nothing else than ENHANCED may be shown as enhanced.
            String status = answer.headers().firstValue("X-Edgeenh-Status").orElse("");
            if (!status.equals("ENHANCED")) {
                System.err.println("not enhanced: " + status + " " + answer.headers().firstValue("X-Edgeenh-Reason").orElse(""));
                System.exit(1);
            }
            Files.write(Path.of(args[2]), answer.body());
            System.out.println(status + " by " + answer.headers().firstValue("X-Edgeenh-Model").orElse("?")
                    + ", bundle " + answer.headers().firstValue("X-Edgeenh-Bundle-Sha256").orElse("?"));
            return;
        }
    }

    private static String mediaType(String name) {
        String lower = name.toLowerCase();
        if (lower.endsWith(".jpg") || lower.endsWith(".jpeg")) return "image/jpeg";
        return lower.endsWith(".tif") || lower.endsWith(".tiff") ? "image/tiff" : "image/png";
    }
}
