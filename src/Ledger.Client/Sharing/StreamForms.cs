namespace Ledger.Client.Sharing;

/// <summary>The calls that travel on shared streams: single transfers and small reads. All of them may be sent again:
/// they carry an id or change nothing.</summary>
internal static class StreamForms
{
    public static readonly StreamForm<V1.PostTransferRequest, V1.PostTransferResponse> PostTransfer = new(
        CallKind.Write, static request => new V1.CallItem { PostTransfer = request },
        static answer => answer.PostTransfer);

    public static readonly StreamForm<V1.GetAccountRequest, V1.GetAccountResponse> GetAccount = new(
        CallKind.Read, static request => new V1.CallItem { GetAccount = request }, static answer => answer.GetAccount);

    public static readonly StreamForm<V1.GetTransferRequest, V1.GetTransferResponse> GetTransfer = new(
        CallKind.Read, static request => new V1.CallItem { GetTransfer = request },
        static answer => answer.GetTransfer);
}
