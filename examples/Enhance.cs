// A C# client of `edgeenh station` (.NET 8). UNTRIED: no .NET was at hand when it was written; Enhance.java makes the same calls and is tested.
//
//   dotnet run -- http://127.0.0.1:8350 in.png out.png

using System.Net;
using System.Net.Http.Headers;

if (args.Length < 3) { Console.Error.WriteLine("usage: Enhance STATION IN.png OUT.png"); return 2; }
using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
var bytes = await File.ReadAllBytesAsync(args[1]);
for (var attempt = 1; ; attempt++)
{
    using var content = new ByteArrayContent(bytes);
    content.Headers.ContentType = new MediaTypeHeaderValue(Path.GetExtension(args[1]).ToLowerInvariant() switch
    {
        ".jpg" or ".jpeg" => "image/jpeg", ".tif" or ".tiff" => "image/tiff", _ => "image/png",
    });
    using var answer = await client.PostAsync(args[0] + "/v1/enhance", content);
    if (answer.StatusCode == HttpStatusCode.ServiceUnavailable && attempt < 5)
    {
        await Task.Delay(answer.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(1));
        continue;
    }
    var body = await answer.Content.ReadAsByteArrayAsync();
    var status = answer.Headers.TryGetValues("X-Edgeenh-Status", out var found) ? found.First() : "";
    if (!answer.IsSuccessStatusCode || status != "ENHANCED") // nothing else may be shown as enhanced
    {
        Console.Error.WriteLine($"{(int)answer.StatusCode} {status} {(answer.IsSuccessStatusCode ? "" : System.Text.Encoding.UTF8.GetString(body))}");
        return 1;
    }
    await File.WriteAllBytesAsync(args[2], body);
    Console.WriteLine($"{status} by {answer.Headers.GetValues("X-Edgeenh-Model").First()}");
    return 0;
}
