using System.Text;
using Google.Protobuf;
using Ledger.StrictJson;

namespace Ledger.Client;

/// <summary>Legs that happen all or not at all, in order: each sees what those before it did.</summary>
public sealed record Transaction
{
    private const int JsonDepthMax = 16;

    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(false));
    private static readonly MessageShape Shape = MessageShape.Of(V1.Transaction.Descriptor);
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The id, made before the first attempt and kept for every retry; see <see cref="TransferIds.New"/>. It
    /// names the transaction as a whole; each transfer has an id of its own besides.</summary>
    public required Guid Id { get; init; }

    /// <summary>From 1 to <see cref="LedgerClient.BatchMax"/> legs. Where there are several, each transfer that
    /// resolves no hold must name its asset.</summary>
    public required IReadOnlyList<TransactionLeg> Legs { get; init; }

    /// <summary>Makes a transaction of transfers.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="transfers">The transfers, in order.</param>
    public static Transaction Of(Guid id, params IEnumerable<Transfer> transfers) => new()
    {
        Id = id,
        Legs = [.. transfers.Select(TransactionLeg.Of)],
    };

    /// <summary>Reads a transaction in the JSON form of the API, as it is sent to <c>/v1/transactions</c>. An id that
    /// is left out is empty.</summary>
    /// <param name="json">The text of one JSON object.</param>
    /// <remarks>As strict as the API is: a field that a transaction does not have, one that is given twice, null, and a
    /// JSON number that may have been rounded are refused by name. An amount may be a text, or a JSON integer up to
    /// 2^53-1.</remarks>
    /// <exception cref="FormatException">It is no transaction. The message names the field, and says what was found and
    /// what is wanted.</exception>
    public static Transaction ParseJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            var bytes = StrictUtf8.GetBytes(json);
            if (StrictReader.Check(bytes, Shape, "", 0, JsonDepthMax, out var edits) is { } fault)
            {
                throw new FormatException(fault.Message);
            }

            var wire = Parser.Parse<V1.Transaction>(
                edits is null ? json : StrictUtf8.GetString(JsonEdit.Apply(bytes, edits)));
            ProtoMapper.CheckAmounts(wire);
            return ProtoMapper.FromWire(wire);
        }
        catch (Exception failure) when (failure is InvalidJsonException or InvalidProtocolBufferException
            or OverflowException or EncoderFallbackException)
        {
            throw new FormatException(failure.Message, failure);
        }
    }
}
