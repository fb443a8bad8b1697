"""What a parameter is, by its name or its own role."""

import pytest

from danlu.catalogue.roles import role_of, roles_of
from danlu.core.parameter import Float, Int
from danlu.core.space import Space
from danlu.strategies.experts import expectations

# Names as people write them: in scripts and papers, of PyTorch, Keras, timm, Transformers,
# Lightning, XGBoost, LightGBM, ranger and public benchmarks.
NAMES: dict[str | None, str] = {
    "lr": """
        lr learning_rate optimizer.lr init_lr LearningRate learningRate --learning-rate
        lr0 lr_initial lr_init initial_lr peak_lr base_lr max_lr lr_backbone backbone_lr
        actor_lr learning_rate_init baseLR lr_initial_value eta eta0
        hps.lr_hparams.initial_value""",
    None: """
        min_lr final_lr lr_min lr_end warmup_lr eta_min
        lr_mult lr_power ema_decay_rate scheduler.patience warmup_momentum bn_momentum
        batch_norm_momentum eval_batch_size freeze_layers bandwidth width_mult
        dropout_keep_prob smoothing_window clip_range l1_ratio optimizer.foo foo x1 Op1
        N""",
    "lr decay": """
        lr_decay lr_decay_factor learning_rate_decay lr_gamma exponential_decay
        linear_decay""",
    "weight decay": """
        weight_decay_rate weight_decay weight-decay WeightDecay wd
        optimizer.weight_decay""",
    "lr schedule": """
        lr_schedule lr_scheduler_type sched scheduler scheduler.name""",
    "decay factor": """
        scheduler.gamma""",
    "decay every": """
        scheduler.step_size lr_step""",
    "warmup": """
        warmup warmup_steps warmup_ratio""",
    "momentum": """
        momentum opt_momentum sgd_momentum""",
    "1-momentum": """
        one_minus_momentum""",
    "batch size": """
        batch_size batch-size batchSize per_device_train_batch_size bs mini_batch
        minibatch_size data.batch""",
    "layers": """
        num_layers n_layer numLayers num_hidden_layers model.depth depth""",
    "width": """
        units_per_layer units n_units_2 max_units hidden_size hiddenDim n_hidden nhid
        width width_1 dim_feedforward intermediate_size d_model dModel ffn_dim
        out_channels""",
    "dropout": """
        dropout dropout_1 hidden_dropout_prob drop_path drop_path_rate drop max_dropout""",
    "label smoothing": """
        label_smoothing label_smoothing_factor smoothing""",
    "clip": """
        clip grad_clip gradient_clip_val max_grad_norm clip_norm""",
    "epsilon": """
        adam_epsilon eps""",
    "l1": """
        l1""",
    "l2": """
        l2 l2_reg""",
    "rounds": """
        nrounds n_estimators num_boost_round num.trees""",
    "tree depth": """
        max_depth maxDepth maxdepth""",
    "child weight": """
        min_samples_leaf min.node.size""",
    "subsample": """
        sample.fraction""",
    "optimizer": """
        optimizer optim opt optimizer.name optimizer_type""",
    "activation": """
        activation activation_fn_1 Activation""",
    "beta1": """
        beta1 adam_beta1""",
    "beta2": """
        beta_2""",
    "epochs": """
        epochs num_train_epochs""",
    "seed": """
        seed random_state""",
    "embedding size": """
        embedding_dim embed_dim""",
}


@pytest.mark.parametrize(
    ("name", "role"), [(n, role) for role, names in NAMES.items() for n in names.split()]
)
def test_roles_are_found_from_names(name: str, role: str | None) -> None:
    assert role_of(name, Float(0.1, 0.9)) == role


@pytest.mark.parametrize("name", ["opt_momentum", "beta1", "adam.beta2"])
def test_what_reaches_one_on_a_log_scale_is_meant_as_the_rest_to_one(name: str) -> None:
    kept = role_of(name, Float(0.5, 0.99))
    assert role_of(name, Float(1e-3, 1.0, log=True)) == f"1-{kept}"
    for other in (Float(1e-3, 0.999, log=True), Float(0.5, 1.0, log=True), Float(0.0, 1.0)):
        assert role_of(name, other) == kept


def test_the_learning_rate_of_sgd_is_told_by_what_is_left_of_the_momentum_too() -> None:
    rate = Float(1e-5, 10.0, log=True)
    spaces = [
        Space({"lr": rate, name: Float(1e-3, high, log=True)})
        for name, high in (("one_minus_momentum", 1.0), ("momentum", 1.0), ("momentum", 0.999))
    ]
    assert len({expectations(space)["lr"].default for space in spaces}) == 1
    assert expectations(spaces[0])["lr"].default != expectations(Space({"lr": rate}))["lr"].default


def test_words_may_be_joined_by_anything() -> None:
    for name in ("learning rate", "learning-rate", "Learning.Rate", "LearningRate"):
        assert role_of(name, Float(0.1, 0.9)) == "lr"


def test_a_given_role_wins_over_the_name() -> None:
    assert role_of("foo", Float(0.1, 0.9, role="lr")) == "lr"


def test_names_of_trees_mean_nothing_without_trees() -> None:
    both = {"alpha": Float(0.0, 1.0), "gamma": Float(0.8, 0.99)}
    assert roles_of(Space({**both, "lr": Float(0.001, 0.1)})) == {"lr": "lr"}
    with_trees = roles_of(Space({**both, "max_depth": Int(1, 9)}))
    assert with_trees == {"alpha": "lasso", "gamma": "split gain", "max_depth": "tree depth"}
    own = Space({"alpha": Float(0.0, 1.0, role="lasso")})
    assert roles_of(own) == {"alpha": "lasso"}
