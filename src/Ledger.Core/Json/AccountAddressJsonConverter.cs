namespace Ledger.Core.Json;

/// <summary>An address as its text; none is empty.</summary>
internal sealed class AccountAddressJsonConverter : TextJsonConverter<AccountAddress>
{
    /// <inheritdoc/>
    protected override bool TryParse(string text, out AccountAddress value) =>
        AccountAddress.TryParse(text, out value) || text.Length == 0;
}
