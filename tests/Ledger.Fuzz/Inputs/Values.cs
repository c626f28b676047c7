using System.Globalization;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Type = Google.Protobuf.Reflection.FieldType;

namespace Ledger.Fuzz.Inputs;

/// <summary>Values of fields: such as are right, and such as lie at a border. What is right follows from the field's
/// name and type, so that a new method is understood by the names that it shares with others.</summary>
/// <param name="seed">The seed of the run: ids follow from it.</param>
/// <param name="now">What ids and times are near to.</param>
internal sealed class Values(ulong seed, DateTimeOffset now)
{
    /// <summary>How many accounts the run opens at its start.</summary>
    public const int AccountsCount = 32;

    // Of these so many hold the second asset.
    private const int OthersCount = 8;

    // A few ids for some hundred inputs: requests meet those of others.
    private const int IdsTogether = 48;
    private const int InputsTogether = 512;

    private const long SecondsMin = -62_135_596_800;
    private const long SecondsMax = 253_402_300_799;

    private static readonly string[] s_texts =
    [
        "", " ", "0", "-1", "+1", "01", "1.0", "1e5", "NaN", "٣", "340282366920938463463374607431768211455",
        "340282366920938463463374607431768211456", "9223372036854775808", "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff", "{0192f000-0000-7000-8000-000000000000}",
        "0192F000-0000-7000-8000-000000000000", "0192f000-0000-7000-8000-00000000000",
        "00000000-0000-7000-8000-000000000001",
        "ffffffff-ffff-7fff-bfff-ffffffffffff", ":", "a:", ":a", "a::b", "a/b", "a b", "../..", "{address}", "%00", "%",
        "*", "**",
        "USD/0", "USD/39", "USD/-1", "usd/2", "/2", "USD/", "USD/02", "ledger:expiry", "ledger:automatic", "fuzz:",
        "\0", "a\0b", "\n", "\u001b[31m", "\u202e", "\u00ad", "é", "\u0065\u0301", "😀", "\ufeff", "\uffff",
        "'; DROP TABLE journal; --",
        "=cmd|' /C calc'!A0", "127.0.0.1", "::1", "10.0.0.0/8", "0.0.0.0/0", "true", "null", "[]", "{}",
        "TRANSFER_KIND_HOLD",
    ];

    private static readonly int[] s_lengths = [
        1, 16, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1025, 4_095, 4_097, 20_000];

    /// <summary>The address of an account that the run opens.</summary>
    public static string Account(int number) => number < AccountsCount - OthersCount
        ? string.Create(CultureInfo.InvariantCulture, $"fuzz:{number}")
        : string.Create(CultureInfo.InvariantCulture, $"fuzz:other:{number}");

    /// <summary>The asset of such an account.</summary>
    public static string Asset(int number) => number < AccountsCount - OthersCount ? "USD/2" : "EUR/2";

    /// <summary>The account that an id belongs to, in requests that name both: so that what is asked for is
    /// found.</summary>
    public static string Home(string id)
    {
        // Of version 1, as FNV: the same on every machine.
        var hash = id.Aggregate(2_166_136_261u, static (sum, letter) => unchecked((sum ^ letter) * 16_777_619));
        return Account((int)(hash % (AccountsCount - OthersCount)));
    }

    /// <summary>A value that may be right.</summary>
    public object Right(FieldDescriptor field, Draw draw, long input) => field.FieldType switch
    {
        Type.String => Text(field.Name, draw, input),
        Type.Bool => true,
        Type.Enum => (long)draw.Of([.. field.EnumType.Values]).Number,
        Type.Bytes => new byte[] { 1 },
        Type.Double or Type.Float => 1.0,
        Type.UInt32 or Type.UInt64 or Type.Fixed32 or Type.Fixed64 => Whole(field.Name, draw),
        _ => (long)Whole(field.Name, draw),
    };

    /// <summary>A value at a border of what the field can hold.</summary>
    public object Border(FieldDescriptor field, Draw draw) => field.FieldType switch
    {
        Type.String => BorderText(draw),
        Type.Bool => draw.Percent(50),
        Type.Enum => draw.Of<long>(0, 1, -1, 99, 1_000, int.MaxValue, int.MinValue),
        Type.Bytes => new byte[draw.Of<int>(0, 1, 70_000)],
        Type.Double or Type.Float => draw.Of(0.0, -1.0, double.NaN, double.MaxValue, double.PositiveInfinity),
        Type.UInt32 or Type.Fixed32 =>
            draw.Of<ulong>(0, 1, uint.MaxValue - 1, uint.MaxValue, (ulong)uint.MaxValue + 1, ulong.MaxValue),
        Type.UInt64 or Type.Fixed64 => draw.Of<ulong>(
            0, 1, 9_007_199_254_740_991, 9_007_199_254_740_993, long.MaxValue, (ulong)long.MaxValue + 1,
            ulong.MaxValue - 1, ulong.MaxValue),
        Type.Int64 or Type.SInt64 or Type.SFixed64 =>
            draw.Of(0, 1, -1, long.MinValue, long.MinValue + 1, long.MaxValue - 1, long.MaxValue),
        _ =>
            draw.Of<long>(0, 1, -1, 1_000, 1_001, int.MinValue, int.MaxValue - 1, int.MaxValue, (long)int.MaxValue + 1),
    };

    /// <summary>A moment near now.</summary>
    public Tree Time(FieldDescriptor field, Draw draw)
    {
        // What is to come ends holds and freezes; what was is where statements begin.
        var isPast = field.Name.StartsWith("start", StringComparison.Ordinal)
            || field.Name.StartsWith("effective", StringComparison.Ordinal);
        var seconds = now.ToUnixTimeSeconds() + ((isPast ? -1 : 1) * draw.Of<long>(1, 5, 3_600, 86_400));
        return Moment(field.MessageType, seconds, 1_000 * draw.Below(1_000_000));
    }

    /// <summary>A moment, or a length of time, at a border.</summary>
    public static Tree BorderTime(MessageDescriptor type, Draw draw)
    {
        var seconds = type.FullName == Timestamp.Descriptor.FullName
            ? draw.Of(
                0, 1, -1, SecondsMin - 1, SecondsMin, SecondsMax, SecondsMax + 1, 9_223_372_036, long.MinValue,
                long.MaxValue)
            : draw.Of(
                0, 1, -1, 315_576_000_000, 315_576_000_001, -315_576_000_001, 9_223_372_036, long.MinValue,
                long.MaxValue);
        return Moment(
            type, seconds,
            draw.Of<long>(
                0, 1, -1, 999, 1_000, 999_999_000, 999_999_001, 999_999_999, 1_000_000_000, int.MaxValue,
                int.MinValue));
    }

    /// <summary>A length of time.</summary>
    public static Tree Length(MessageDescriptor type, Draw draw) =>
        Moment(type, draw.Of<long>(1, 2, 60, 3_600), draw.Percent(20) ? 500_000_000 : 0);

    private static Tree Moment(MessageDescriptor type, long seconds, long nanos)
    {
        var tree = new Tree(type);
        tree.Add(type.FindFieldByNumber(1), seconds);
        tree.Add(type.FindFieldByNumber(2), nanos);
        return tree;
    }

    private static string BorderText(Draw draw)
    {
        if (draw.Percent(70))
        {
            return draw.Of(s_texts);
        }

        var length = draw.Of(s_lengths);
        return draw.Below(4) switch
        {
            0 => new string('a', length),
            1 => new string('9', length),
            2 => string.Concat(Enumerable.Repeat("a:", length / 2)) + "a",
            _ => string.Concat(Enumerable.Repeat("€", length)),
        };
    }

    private static ulong Whole(string name, Draw draw) => name switch
    {
        "code" or "codes" => (ulong)draw.Below(5) + 1,
        "page_size" => (ulong)draw.Of(0, 1, 10, 1_000),
        "sequence" => draw.Bits() >> draw.Below(64),
        _ => (ulong)draw.Below(20),
    };

    private string Text(string name, Draw draw, long input) => name switch
    {
        "id" or "ids" or "hold_id" or "transaction_id" or "reverses" => Id(draw, input),
        "address" or "addresses" or "account" or "debit_account" or "credit_account" =>
            Account(draw.Below(AccountsCount)),
        "address_prefix" or "account_prefix" => draw.Of("fuzz:", "fuzz:other:", "nobody:"),
        "asset" => draw.Percent(80) ? "USD/2" : "EUR/2",
        "amount" or "min_amount" or "max_amount" or "allowance" => Amount(draw),
        "page_token" or "at_least" => "",
        "subject" =>
            draw.Percent(3)
            ? "127.0.0.1"
            : draw.Of("narrow", "limited", "10.1.2.3", "10.0.0.0/8", "2001:db8::/64", "somebody"),
        "traceparent" => "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "principal" => draw.Of("ada", "spiffe://bank/payments"),
        "key" => draw.Of("order", "customer", "shop"),
        "service" or "list_services" => draw.Of("", "ledger.v1.TransferService", "nothing"),
        _ => draw.Of("blue", "order 4711", "0", "a longer text with a few words in it"),
    };

    private static string Amount(Draw draw) => draw.Below(10) switch
    {
        0 => "0",
        1 => "1",
        2 => draw.Bits().ToString(CultureInfo.InvariantCulture),
        _ => draw.Below(10_000).ToString(CultureInfo.InvariantCulture),
    };

    // Version 7 and near now, or version 4: one of few for those that come together, or one of its own.
    private string Id(Draw draw, long input)
    {
        var isShared = draw.Percent(85);
        var of = isShared
            ? new Draw(seed ^ 0x1D, (input / InputsTogether * IdsTogether) + draw.Below(IdsTogether))
            : draw;
        Span<byte> bytes = stackalloc byte[16];
        BitConverter.TryWriteBytes(bytes, of.Bits());
        BitConverter.TryWriteBytes(bytes[8..], of.Bits());
        var isOrdered = of.Percent(70);
        if (isOrdered)
        {
            var milliseconds = now.ToUnixTimeMilliseconds() - of.Below(60_000);
            for (var place = 0; place < 6; place++)
            {
                bytes[place] = (byte)(milliseconds >> (8 * (5 - place)));
            }
        }

        bytes[6] = (byte)((bytes[6] & 0x0F) | (isOrdered ? 0x70 : 0x40));
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }
}
