namespace Ledger.Core.Json;

/// <summary>An amount as the text of its minor units, as the API writes it.</summary>
internal sealed class AmountJsonConverter : TextJsonConverter<Amount>
{
    /// <inheritdoc/>
    protected override bool TryParse(string text, out Amount value) =>
        Amount.TryParse(text, out value) == AmountError.None;
}
