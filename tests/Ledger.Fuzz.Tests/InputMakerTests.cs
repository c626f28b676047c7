using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Ledger.Fuzz.Inputs;
using Ledger.Fuzz.Shrinking;

namespace Ledger.Fuzz.Tests;

/// <summary>What is sent: all of the contract, the same from the same seed, and right where no fault was put
/// in.</summary>
public sealed partial class InputMakerTests
{
    private const int Inputs = 6_000;
    private static readonly DateTimeOffset s_now = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_same_seed_and_number_give_the_same_input()
    {
        var (one, other) = (new InputMaker(7, s_now), new InputMaker(7, s_now));
        for (var number = 0; number < 500; number++)
        {
            var (first, second) = (one.Make(number), other.Make(number));
            Convert.ToHexString(second.Body).ShouldBe(Convert.ToHexString(first.Body));
            (second.Form, second.Verb, second.Path, second.Credential)
                .ShouldBe((first.Form, first.Verb, first.Path, first.Credential));
            second.Headers.ShouldBe(first.Headers);
        }

        Enumerable.Range(0, 20).Select(number => Convert.ToHexString(new InputMaker(8, s_now).Make(number).Body))
            .ShouldNotBe(Enumerable.Range(0, 20).Select(number => Convert.ToHexString(one.Make(number).Body)));
    }

    [Fact]
    public void Every_rpc_and_every_route_of_the_contract_is_sent()
    {
        // Counted in the text of the contract, and not by the descriptors that the inputs come from.
        var text = string.Join(
            '\n',
            Directory.GetFiles(Path.Combine(Root(), "proto", "ledger", "v1"), "*.proto").Select(File.ReadAllText));
        var rpcs = Rpc().Matches(text).Select(static match => match.Groups["name"].Value).ToArray();
        rpcs.Length.ShouldBeGreaterThan(25);
        Surface.Own.Select(static method => method.Name).Order().ShouldBe(rpcs.Order());
        var routes = RouteOf().Matches(text).Select(static match => match.Groups["path"].Value).ToArray();
        Surface.Routes.Select(static one => one.Route.Path).Order().ShouldBe(routes.Order());

        var maker = new InputMaker(1, s_now);
        var sent = Enumerable.Range(0, Inputs).Select(number => maker.Make(number)).ToArray();
        sent.Where(static one => one.Form == InputForm.Grpc).Select(static one => one.Method).Distinct().Order()
            .ShouldBe(Surface.Methods.Select(static method => method.FullName).Order());
        sent.Where(static one => one.Form == InputForm.Json).Select(static one => one.Method).Distinct().Order()
            .ShouldBe(Surface.Routes.Select(static one => one.Method.FullName).Distinct().Order());
        sent.Select(static one => one.Credential).Distinct().Count().ShouldBe(Enum.GetValues<Credential>().Length);
    }

    [Fact]
    public void What_has_no_fault_can_be_read()
    {
        var maker = new InputMaker(2, s_now);
        var (grpc, json) = (0, 0);
        foreach (var input in Enumerable.Range(0, Inputs).Select(number => maker.Make(number))
            .Where(static one => one.Faults.Length == 0))
        {
            var type = Surface.Find(input.Method)!.InputType;
            if (input.Form == InputForm.Grpc)
            {
                foreach (var message in WireParts.Split(input.Body).ShouldNotBeNull())
                {
                    type.Parser.ParseFrom(message);
                    grpc++;
                }
            }
            else if (input.Body.Length > 0)
            {
                var route = Surface.Routes.First(one => one.Method.FullName == input.Method).Route;
                var body = route.Body == "*" ? type : type.FindFieldByName(route.Body).MessageType;
                JsonParser.Default.Parse(Encoding.UTF8.GetString(input.Body), body);
                json++;
            }
        }

        grpc.ShouldBeGreaterThan(200);
        json.ShouldBeGreaterThan(100);
    }

    [Fact]
    public void Ids_are_used_again_and_whole_requests_are_sent_again()
    {
        var maker = new InputMaker(3, s_now);
        var sent = Enumerable.Range(0, Inputs).Select(number => maker.Make(number)).ToArray();
        var bodies = sent.Where(static one => one.Body.Length > 40)
            .GroupBy(static one => Convert.ToHexString(one.Body));
        bodies.Count(static same => same.Count() > 1).ShouldBeGreaterThan(Inputs / 100);
        var ids = sent.SelectMany(
            static one => Id().Matches(Encoding.Latin1.GetString(one.Body)).Select(static match => match.Value));
        ids.GroupBy(static id => id).Count(static same => same.Count() > 3).ShouldBeGreaterThan(20);
    }

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Ledger.sln")))
        {
            directory = directory.Parent
                ?? throw new InvalidOperationException("The repository is not above the tests.");
        }

        return directory.FullName;
    }

    [GeneratedRegex(@"^\s*rpc (?<name>\w+)\(", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Rpc();

    [GeneratedRegex(@"(get|post|put|delete|patch): ""(?<path>[^""]+)""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex RouteOf();

    [GeneratedRegex(@"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", RegexOptions.None, 1000)]
    private static partial Regex Id();
}
