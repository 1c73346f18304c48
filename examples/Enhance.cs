// A C# client of `edgeenh station`: one source for Mono (mcs, C# 6) and .NET, with nothing but the standard library.
//
//   mcs -r:System.Net.Http.dll -out:Enhance.exe examples/Enhance.cs && mono Enhance.exe http://127.0.0.1:8350 in.png out.png [strength]
//   dotnet run --project examples -- http://127.0.0.1:8350 in.png out.png [strength]
//
// Exit: 0 enhanced; 1 the station refused or could not, or is not there; 2 usage. 503 is tried again after Retry-After seconds.

using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading.Tasks;

public static class Enhance
{
    private const int Tries = 5;

    public static int Main(string[] args)
    {
        if (args.Length < 3)
        {
            Console.Error.WriteLine("usage: Enhance STATION IN.png OUT.png [STRENGTH]");
            return 2;
        }
        Uri station;
        if (!Uri.TryCreate(args[0], UriKind.Absolute, out station) || !station.Scheme.StartsWith("http"))
        {
            Console.Error.WriteLine("STATION is " + args[0] + ", expected its address, such as http://127.0.0.1:8350");
            return 2;
        }
        try
        {
            return Run(args[0].TrimEnd('/'), args[1], args[2], args.Length > 3 ? "?strength=" + args[3] : "").GetAwaiter().GetResult();
        }
        catch (TaskCanceledException)
        {
            Console.Error.WriteLine("no answer within 30 s");
        }
        catch (HttpRequestException wrong)
        {
            Console.Error.WriteLine("no station at " + args[0] + ": " + wrong.GetBaseException().Message);
        }
        catch (Exception wrong) when (wrong is IOException || wrong is UnauthorizedAccessException)
        {
            Console.Error.WriteLine(wrong.Message);
        }
        return 1;
    }

    private static async Task<int> Run(string station, string from, string to, string query)
    {
        byte[] picture = File.ReadAllBytes(from);
        using (var client = new HttpClient { Timeout = TimeSpan.FromSeconds(30) })
        {
            // A Mono or .NET Framework client would ask "Expect: 100-continue" first, and wait for the answer.
            client.DefaultRequestHeaders.ExpectContinue = false;
            for (int attempt = 1; ; attempt++)
            {
                using (var content = new ByteArrayContent(picture))
                {
                    content.Headers.ContentType = new MediaTypeHeaderValue(MediaType(from));
                    using (HttpResponseMessage answer = await client.PostAsync(station + "/v1/enhance" + query, content))
                    {
                        if (answer.StatusCode == HttpStatusCode.ServiceUnavailable && attempt < Tries)
                        {
                            await Task.Delay(RetryAfter(answer));
                            continue;
                        }
                        return await Take(answer, to);
                    }
                }
            }
        }
    }

    private static async Task<int> Take(HttpResponseMessage answer, string to)
    {
        byte[] body = await answer.Content.ReadAsByteArrayAsync();
        if (!answer.IsSuccessStatusCode)
        {
            Console.Error.WriteLine((int)answer.StatusCode + " " + System.Text.Encoding.UTF8.GetString(body).Trim());
            return 1;
        }
        // Nothing else than ENHANCED may be shown as enhanced.
        string status = Header(answer, "X-Edgeenh-Status");
        if (status != "ENHANCED")
        {
            Console.Error.WriteLine("not enhanced: " + status + " " + Header(answer, "X-Edgeenh-Reason"));
            return 1;
        }
        File.WriteAllBytes(to, body);
        Console.WriteLine(status + " by " + Header(answer, "X-Edgeenh-Model") + ", bundle " + Header(answer, "X-Edgeenh-Bundle-Sha256"));
        return 0;
    }

    private static TimeSpan RetryAfter(HttpResponseMessage answer)
    {
        RetryConditionHeaderValue wait = answer.Headers.RetryAfter;
        return wait != null && wait.Delta.HasValue ? wait.Delta.Value : TimeSpan.FromSeconds(1);
    }

    private static string Header(HttpResponseMessage answer, string name)
    {
        System.Collections.Generic.IEnumerable<string> found;
        return answer.Headers.TryGetValues(name, out found) ? found.First() : "";
    }

    private static string MediaType(string name)
    {
        switch (Path.GetExtension(name).ToLowerInvariant())
        {
            case ".jpg": case ".jpeg": return "image/jpeg";
            case ".tif": case ".tiff": return "image/tiff";
            case ".dcm": return "application/dicom";
            default: return "image/png";
        }
    }
}
