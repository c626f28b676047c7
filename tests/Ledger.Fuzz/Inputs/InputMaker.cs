using Google.Protobuf.Reflection;

namespace Ledger.Fuzz.Inputs;

/// <summary>Makes inputs: the same seed and number give the same one. Only the times in it follow the clock.</summary>
internal sealed class InputMaker
{
    private const int AgainWithin = 64;

    // Of a hundred: half of what could be drawn are reads, which change nothing that others could stumble over.
    private const int WritesPercent = 60;

    private static readonly MethodDescriptor[] s_others = [
        .. Surface.Methods.Where(static method => !Surface.IsOwn(method))];
    private static readonly MethodDescriptor[] s_writes = [.. Surface.Own.Where(IsWrite)];
    private static readonly (MethodDescriptor Method, Route Route)[] s_writeRoutes = [
        .. Surface.Routes.Where(static one => IsWrite(one.Method))];

    private readonly ulong seed;
    private readonly GrpcMaker grpc;
    private readonly JsonMaker json;

    /// <summary>Begins.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="now">What times are near to.</param>
    public InputMaker(ulong seed, DateTimeOffset now)
    {
        this.seed = seed;
        var values = new Values(seed, now);
        var maker = new TreeMaker(values);
        var faults = new TreeFaults(values, maker);
        grpc = new GrpcMaker(maker, faults);
        json = new JsonMaker(maker, faults);
    }

    /// <summary>The input of a number.</summary>
    public FuzzInput Make(long number) => Make(number, mayRepeat: true);

    private FuzzInput Make(long number, bool mayRepeat)
    {
        var draw = new Draw(seed, number);

        // The very same request once more: its id has had an outcome by then, or is being decided.
        if (draw.Percent(8) && mayRepeat && number >= AgainWithin)
        {
            return Make(number - 1 - draw.Below(AgainWithin), mayRepeat: false) with { Number = number };
        }

        var input = draw.Percent(50)
            ? grpc.Make(MethodOf(draw), draw, number)
            : (draw.Percent(WritesPercent) ? draw.Of(s_writeRoutes) : draw.Of(Surface.Routes)) is var (method, route)
                ? json.Make(method, route, draw, number)
                : throw new InvalidOperationException("There is no route.");
        return input with
        {
            Seed = seed,
            Credential = draw.Below(100) switch
            {
                < 70 => Credential.Full,
                < 82 => Credential.Narrow,
                < 87 => Credential.Limited,
                < 92 => Credential.Reader,
                < 97 => Credential.None,
                _ => Credential.Forged,
            },
        };
    }

    private static MethodDescriptor MethodOf(Draw draw) => draw.Below(100) switch
    {
        < 3 => draw.Of(s_others),
        < 3 + WritesPercent => draw.Of(s_writes),
        _ => draw.Of(Surface.Own),
    };

    // What the contract does not say to be without effect: streams among them.
    private static bool IsWrite(MethodDescriptor method) => Surface.IsOwn(method)
        && method.GetOptions()?.IdempotencyLevel != Google.Protobuf.Reflection.MethodOptions.Types.IdempotencyLevel
            .NoSideEffects;
}
