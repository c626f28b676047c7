using System.Net;
using Ledger.Access;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Access;

/// <summary>Looks at who is refused, to see a pattern in it.</summary>
internal interface IRefusalObserver
{
    /// <summary>Notes a refusal; never waits.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="caller">Who; null where nobody knows.</param>
    /// <param name="address">From where.</param>
    void Refused(ErrorReason reason, Caller? caller, IPAddress? address);
}
