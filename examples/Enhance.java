// A Java client of `edgeenh station`, standard library alone (Java 11 or newer).
//
//   javac Enhance.java && java Enhance http://127.0.0.1:8350 in.png out.png [strength]
//
// Exit: 0 enhanced; 1 the station refused or could not, or is not there; 2 usage. 503 is tried again after Retry-After seconds.

import java.io.IOException;
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

    public static void main(String[] args) throws InterruptedException {
        if (args.length < 3) {
            System.err.println("usage: Enhance STATION IN.png OUT.png [STRENGTH]");
            System.exit(2);
        }
        try {
            System.exit(run(args[0], args[1], args[2], args.length > 3 ? "?strength=" + args[3] : ""));
        } catch (IllegalArgumentException wrong) {
            System.err.println("STATION is " + args[0] + ", expected its address, such as http://127.0.0.1:8350");
            System.exit(2);
        } catch (IOException wrong) { // no file, no station there, no answer within the time
            System.err.println(wrong);
            System.exit(1);
        }
    }

    private static int run(String station, String from, String to, String query) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(station + "/v1/enhance" + query))
                .header("Content-Type", mediaType(from))
                .timeout(Duration.ofSeconds(30))
                .POST(HttpRequest.BodyPublishers.ofFile(Path.of(from)))
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
                return 1;
            }
            // Nothing else than ENHANCED may be shown as enhanced.
            String status = answer.headers().firstValue("X-Edgeenh-Status").orElse("");
            if (!status.equals("ENHANCED")) {
                System.err.println("not enhanced: " + status + " " + answer.headers().firstValue("X-Edgeenh-Reason").orElse(""));
                return 1;
            }
            Files.write(Path.of(to), answer.body());
            System.out.println(status + " by " + answer.headers().firstValue("X-Edgeenh-Model").orElse("?")
                    + ", bundle " + answer.headers().firstValue("X-Edgeenh-Bundle-Sha256").orElse("?"));
            return 0;
        }
    }

    private static String mediaType(String name) {
        String lower = name.toLowerCase();
        if (lower.endsWith(".jpg") || lower.endsWith(".jpeg")) return "image/jpeg";
        if (lower.endsWith(".dcm")) return "application/dicom";
        return lower.endsWith(".tif") || lower.endsWith(".tiff") ? "image/tiff" : "image/png";
    }
}
