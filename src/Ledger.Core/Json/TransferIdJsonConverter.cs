namespace Ledger.Core.Json;

/// <summary>An id as the canonical text of a UUID.</summary>
internal sealed class TransferIdJsonConverter : TextJsonConverter<TransferId>
{
    /// <inheritdoc/>
    protected override bool TryParse(string text, out TransferId value) => TransferId.TryParse(text, out value);

    /// <inheritdoc/>
    protected override string TextOf(TransferId value) => value.ToGuid().ToString("D");
}
