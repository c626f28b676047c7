using Akka.Actor;

namespace Ledger.Actors.Remoting;

/// <summary>In the place of the serializer by which one node has another make an actor of any type.</summary>
internal sealed class RefusedDeploymentSerializer(ExtendedActorSystem system) : RefusedSerializer(system)
{
    /// <inheritdoc/>
    public override int Identifier => 3;

    /// <inheritdoc/>
    protected override string What => "remote deployment (serializer 3)";
}
