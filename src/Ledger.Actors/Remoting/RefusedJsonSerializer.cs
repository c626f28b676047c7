using Akka.Actor;
using Akka.Configuration;

namespace Ledger.Actors.Remoting;

/// <summary>In the place of Akka's serializer by Newtonsoft.Json.</summary>
internal sealed class RefusedJsonSerializer : RefusedSerializer
{
    /// <summary>Called by Akka where no settings of JSON are configured.</summary>
    public RefusedJsonSerializer(ExtendedActorSystem system)
        : base(system)
    {
    }

    /// <summary>Called by Akka with the settings of JSON, which are there by default and mean nothing here.</summary>
    public RefusedJsonSerializer(ExtendedActorSystem system, Config settings)
        : base(system) => _ = settings;

    /// <inheritdoc/>
    public override int Identifier => 1;

    /// <inheritdoc/>
    protected override string What => "Akka's JSON (serializer 1)";
}
